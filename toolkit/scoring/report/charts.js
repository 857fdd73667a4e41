// ---- drawing ----
function histogram(column) {
  const values = clips.map((clip) => clip.row[column.name]).filter(known);
  const W = 270, H = 112, left = 2, right = W - 2, floor = 82;
  const svg = make("svg", {
    viewBox: `0 0 ${W} ${H}`,
    role: "img",
    "aria-label": `Distribution of ${column.title} over ${counted(values.length, "clip")}`
  });
  let low = Math.min(...values), high = Math.max(...values);
  const whole = column.name === "offset_frames";
  if (whole || low === high) {
    const rim = whole ? 0.5 : Math.abs(low) * 0.05 || 0.5;
    low -= rim;
    high += rim;
  }
  const bins = whole
    ? Math.min(31, Math.round(high - low))
    : Math.max(5, Math.min(24, Math.ceil(2 * Math.sqrt(values.length))));
  const counts = new Array(bins).fill(0);
  for (const value of values)
    counts[Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins))] += 1;
  const most = Math.max(...counts),
    x = scale(low, high, left, right),
    wide = (right - left) / bins,
    all = data.aggregates[column.name] || {};
  // of few clips the interval reaches beyond them
  const within = (value) => Math.min(right, Math.max(left, x(value)));
  if (known(all.ci_low))
    svg.append(
      make("rect", {
        x: within(all.ci_low),
        y: 6,
        width: Math.max(1, within(all.ci_high) - within(all.ci_low)),
        height: floor - 6,
        class: "band"
      })
    );
  counts.forEach((count, bin) => {
    const tall = (count / most) * (floor - 14);
    if (count)
      svg.append(
        make(
          "rect",
          {
            x: left + bin * wide + 0.75,
            y: floor - tall,
            width: Math.max(1, Math.min(wide, 60) - 1.5),
            height: tall,
            class: "bar"
          },
          make("title", {}, counted(count, "clip"))
        )
      );
  });
  svg.append(line(left, floor, right, floor, "axis"));
  for (const value of values) svg.append(line(x(value), floor + 3, x(value), floor + 9, "tick"));
  if (known(all.mean)) svg.append(line(x(all.mean), 6, x(all.mean), floor, "mean"));
  const { ticks, places } = niceTicks(low, high, 4);
  for (const tick of ticks)
    svg.append(
      make(
        "text",
        { x: x(tick), y: H - 8, "text-anchor": x(tick) < 14 ? "start" : x(tick) > W - 14 ? "end" : "middle" },
        digits(tick, places)
      )
    );
  return make(
    "figure",
    {},
    make(
      "figcaption",
      {},
      make("strong", {}, ...titled(column)),
      make("span", { class: "soft" }, counted(values.length, "clip"))
    ),
    svg
  );
}
function drawSpread() {
  const drawn = columns.filter((column) => clips.some((clip) => known(clip.row[column.name])));
  byId("spread").append(...drawn.map(histogram));
  if (!drawn.length) byId("spread").append(make("p", { class: "soft" }, "No clip has a number."));
}

// series: [{points: [[x, y or null], …], kind: "curve" | "curve second" | "area"}]
function chart(caption, series, { xName, xTicks, zero, mark, readout }) {
  const W = 372, H = 158, left = 34, right = W - 6, top = 10, floor = 126;
  const points = series.flatMap((one) => one.points), ys = points.map(([, y]) => y).filter(known);
  const xLow = points.reduce((m, [v]) => Math.min(m, v), Infinity),
    xHigh = points.reduce((m, [v]) => Math.max(m, v), -Infinity);
  let low = ys.reduce((m, v) => Math.min(m, v), zero ? 0 : Infinity),
    high = ys.reduce((m, v) => Math.max(m, v), zero ? 0 : -Infinity);
  if (low === high) { low -= zero ? 0 : 0.5; high += 0.5; }
  const pad = (high - low) * 0.06; low -= zero && low === 0 ? 0 : pad; high += pad;
  const x = scale(xLow, xHigh, left, right), y = scale(low, high, floor, top);
  const svg = make("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": caption });
  const vertical = niceTicks(low, high, 4);
  for (const tick of vertical.ticks)
    svg.append(
      line(left, y(tick), right, y(tick), tick === 0 ? "zero" : "axis"),
      make("text", { x: left - 6, y: y(tick) + 3.5, "text-anchor": "end" }, digits(tick, vertical.places))
    );
  const across = xTicks ? { ticks: xTicks, places: 0 } : niceTicks(xLow, xHigh, 5);
  for (const tick of across.ticks)
    svg.append(
      make("text", { x: x(tick), y: floor + 14, "text-anchor": "middle" }, digits(tick, across.places))
    );
  svg.append(make("text", { x: (left + right) / 2, y: H - 3, "text-anchor": "middle" }, xName));
  for (const one of series) {
    const drawn = one.points.map(([a, b]) => [x(a), b === null ? null : y(b)]);
    if (one.area && drawn.length)
      svg.append(
        make("path", {
          d:
            `${path(drawn)}L${drawn[drawn.length - 1][0].toFixed(1)} ${y(0).toFixed(1)}`
            + `L${drawn[0][0].toFixed(1)} ${y(0).toFixed(1)}Z`,
          class: "area"
        })
      );
    svg.append(make("path", { d: path(drawn), class: one.kind }));
  }
  if (mark) {
    const side = x(mark.x) > W - 110 ? "end" : "start";
    svg.append(
      make("circle", { cx: x(mark.x), cy: y(mark.y), r: 4, class: "dot" }),
      make(
        "text",
        {
          x: x(mark.x) + (side === "end" ? -9 : 9),
          y: Math.min(floor - 4, y(mark.y) + 4),
          "text-anchor": side,
          class: "note"
        },
        mark.text
      )
    );
  }
  follow(
    svg,
    series[0].points.filter(([, value]) => value !== null),
    x,
    y,
    { left, right, top, floor, W },
    readout
  );
  return make("figure", {}, make("figcaption", {}, make("span", {}, caption)), svg);
}
function offsetCurve(clip) {
  const mouths = ofMouths(data.sync_model);
  const caption = mouths ? "Correlation by offset" : "Distance by offset", tracks = clip.detail.tracks || [];
  if (!tracks.length) return nothing(caption, "no curve: " + whyMissing(clip.row, { family: "lse" }));
  const reach = (tracks[0].curve.length - 1) / 2;
  const turned = (curve) => curve.map((value, j) => [reach - j, value]).reverse();  // offset = −shift
  const series = tracks.map((track) => ({ points: turned(track.curve), kind: "curve" }));
  if (tracks.length === 1 && tracks[0].curve_unpadded.some(known))
    series.push({ points: turned(tracks[0].curve_unpadded), kind: "curve second" });
  // the curve is rounded, the offset is not
  const marked = series[0].points.find(([at]) => at === clip.row.offset_frames) || series[0].points[0];
  const sign = marked[0] > 0 ? "+" : marked[0] < 0 ? "−" : "";
  return chart(tracks.length > 1 ? `${caption}, ${tracks.length} tracks` : caption, series, {
    xName: "offset in frames, above 0: audio early",
    xTicks: [-15, -10, -5, 0, 5, 10, 15].filter((tick) => Math.abs(tick) <= reach),
    mark: tracks.length === 1 ? { x: marked[0], y: marked[1], text: `${sign}${Math.abs(marked[0])}` } : null,
    readout: (at, value) => `offset ${at > 0 ? "+" : ""}${digits(at, 0)}: ${digits(value, 3)}`
  });
}
function confidence(clip) {
  const caption = ofMouths(data.sync_model) ? "Correlation around each frame" : "Confidence per frame",
    tracks = (clip.detail.tracks || []).filter((track) => track.confidence.length);
  if (!tracks.length) return nothing(caption, "no confidence: " + whyMissing(clip.row, { family: "lse" }));
  const series = tracks.map((track) => ({
    points: track.confidence.map((value, i) => [(track.start_frame + i) / FPS, value]),
    kind: "curve",
    area: true
  }));
  return chart(caption, series, {
    xName: "seconds",
    zero: true,
    readout: (at, value) => `${digits(at, 2)} s: ${digits(value, 3)}`
  });
}
function lmdOverTime(clip) {
  const caption = "LMD over time, px", values = clip.detail.lmd_per_frame || [];
  if (!values.some(known))
    return nothing(
      caption,
      "no LMD: " + (columnOf.lmd ? whyMissing(clip.row, columnOf.lmd) : "not asked for")
    );
  const points = values.map((value, i) => [i / FPS, known(value) ? value : null]);
  return chart(caption, [{ points, kind: "curve", area: values.every(known) }], {
    xName: "seconds",
    zero: true,
    readout: (at, value) => `${digits(at, 2)} s: ${digits(value, 3)} px`
  });
}
