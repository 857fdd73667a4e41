// ---- bars ----
const W = 172, H = 20;
function domain(column, rows) {
  const values = rows
    .flatMap((row) => {
      const score = scoreOf(row, column.name);
      return [score.value, score.ci_low, score.ci_high];
    })
    .filter(known);
  const floor = known(column.chance) ? column.chance : 0, low = Math.min(floor === 0.5 ? 0.45 : 0, ...values);
  return {
    floor,
    low,
    high: Math.max(floor === 0.5 ? 1 : 0.1, ...values),
    x: scale(low, Math.max(floor === 0.5 ? 1 : 0.1, ...values), 2, W - 2)
  };
}
function bar(row, column, { floor, x }) {
  const score = scoreOf(row, column.name);
  if (!known(score.value))
    return make(
      "div",
      { class: "cell" },
      make("span", { class: "none" }, why(row, score, ambiguityOf[column.name] ? "ambiguity" : ""))
    );
  const svg = make("svg", {
    viewBox: `0 0 ${W} ${H}`,
    role: "img",
    "aria-label": `${plainLabel(row)}: ${column.title} ${digits(score.value, column.digits)}`
  });
  const from = Math.min(x(floor), x(score.value));
  svg.append(
    make("rect", {
      x: from,
      y: 4,
      width: Math.max(0.8, Math.abs(x(score.value) - x(floor))),
      height: H - 8,
      class: "fill"
    }),
    line(x(floor), 0, x(floor), H, "chance")
  );
  if (known(score.ci_low))
    svg.append(
      line(x(score.ci_low), H / 2, x(score.ci_high), H / 2, "whisker"),
      ...[score.ci_low, score.ci_high].map((end) => line(x(end), H / 2 - 3.5, x(end), H / 2 + 3.5, "whisker"))
    );
  if (known(score.seed_low) && score.seed_low !== score.seed_high)
    svg.append(
      ...[score.seed_low, score.seed_high].map((seed) =>
        make("circle", { cx: x(seed), cy: H / 2, r: 2, class: "seed" })
      )
    );
  return make("div", { class: "cell" }, svg, make("span", {}, digits(score.value, column.digits)));
}
function ruler({ low, high, x }) {
  const svg = make("svg", { viewBox: `0 0 ${W} 16`, "aria-hidden": "true" }, line(2, 1, W - 2, 1, "axis")),
    { ticks, places } = niceTicks(low, high, 4);
  for (const tick of ticks)
    svg.append(
      line(x(tick), 1, x(tick), 4, "axis"),
      make(
        "text",
        { x: x(tick), y: 14, "text-anchor": x(tick) > W - 8 ? "end" : x(tick) < 8 ? "start" : "middle" },
        digits(tick, places)
      )
    );
  return make("div", { class: "cell" }, svg);
}
function drawBars(id, names, rows) {
  const shown = names
      .map(anyColumn)
      .filter((column) => rows.some((row) => known(scoreOf(row, column.name).value))),
    domains = shown.map((column) => domain(column, rows));
  const some = rows.find(scored),
    off = some
      ? names
          .map(anyColumn)
          .filter((column) => !shown.includes(column))
          .map(
            (column) =>
              `${column.title}: `
              + why(some, scoreOf(some, column.name), ambiguityOf[column.name] ? "ambiguity" : "")
          )
      : [];
  if (!shown.length) {
    byId(id).replaceChildren(make("p", { class: "soft" }, "No row has these numbers."));
    return;
  }
  const heads = shown.map((column) =>
    sortable(
      column,
      known(column.chance)
        ? make("div", {}, `chance ${digits(column.chance, column.chance < 0.1 ? 3 : 2)}`)
        : null
    )
  );
  const body = rows.filter(scored).map((row) =>
    make(
      "tr",
      { class: kindOf(row) },
      head(row),
      shown.map((column, at) => make("td", {}, bar(row, column, domains[at])))
    )
  );
  byId(id).replaceChildren(
    make(
      "table",
      { class: "bars" },
      make("thead", {}, make("tr", {}, make("th", {}), heads)),
      make("tbody", {}, body),
      make(
        "tfoot",
        {},
        make(
          "tr",
          {},
          make("td", {}),
          domains.map((one) => make("td", {}, ruler(one)))
        )
      )
    ),
    ...off.map((said) => make("p", { class: "soft small" }, "not shown: " + said))
  );
}

// ---- curves ----
function drawCurves(rows) {
  const drawn = rows.filter((row) => row.curves.length), every = drawn.flatMap((row) => row.curves.flat());
  byId("curves").replaceChildren(
    ...(drawn.length
      ? drawn.map((row) => offsetCurve(row, Math.min(0.95, ...every), Math.max(1.02, ...every)))
      : [make("p", { class: "soft" }, "No clip is long enough for every shift.")])
  );
}
function offsetCurve(row, low, high) {
  const wide = 226,
    tall = 128,
    left = 26,
    right = wide - 4,
    top = 8,
    floor = 100,
    shifts = data.shifts,
    pad = (high - low) * 0.05;
  const x = scale(shifts[0], shifts[shifts.length - 1], left, right),
    y = scale(low - pad, high + pad, floor, top);
  const mean = shifts.map((shift, at) => [
    shift,
    row.curves.reduce((sum, curve) => sum + curve[at], 0) / row.curves.length
  ]);
  const svg = make("svg", {
      viewBox: `0 0 ${wide} ${tall}`,
      role: "img",
      class: kindOf(row),
      "aria-label": `Offset curve of ${plainLabel(row)}`
    }),
    { ticks, places } = niceTicks(low - pad, high + pad, 3);
  for (const tick of ticks)
    svg.append(
      line(left, y(tick), right, y(tick), "axis"),
      make("text", { x: left - 5, y: y(tick) + 3.5, "text-anchor": "end" }, digits(tick, places))
    );
  for (const tick of [-15, -10, -5, 0, 5, 10, 15].filter((tick) => shifts.includes(tick)))
    svg.append(make("text", { x: x(tick), y: floor + 14, "text-anchor": "middle" }, digits(tick, 0)));
  svg.append(
    line(x(0), top, x(0), floor, "zero"),
    make("text", { x: (left + right) / 2, y: tall - 2, "text-anchor": "middle" }, "shift of speech in frames")
  );
  if (row.curves.length > 1)
    for (const curve of row.curves)
      svg.append(
        make("path", { d: path(curve.map((value, at) => [x(shifts[at]), y(value)])), class: "curve faint" })
      );
  const lowest = mean.reduce((best, point) => (point[1] < best[1] ? point : best));
  svg.append(
    make("path", { d: path(mean.map(([shift, value]) => [x(shift), y(value)])), class: "curve" }),
    make("circle", {
      cx: x(lowest[0]),
      cy: y(lowest[1]),
      r: 3.5,
      class: lowest[0] === 0 ? "dot" : "dot wrong"
    })
  );
  const own = (name) => {
    const score = scoreOf(row, "sync_" + name);
    return [name, " ", known(score.value) ? digits(score.value, 2) : dash(why(row, score))];
  };
  follow(
    svg,
    mean,
    x,
    y,
    { left, right, top, floor, W: wide },
    (at, value) => `${digits(at, 0)}: ${digits(value, 3)}`
  );
  return make(
    "figure",
    {},
    make(
      "figcaption",
      {},
      make("strong", {}, label(row)),
      make(
        "div",
        { class: "soft" },
        `lowest at ${lowest[0] > 0 ? "+" : ""}${digits(lowest[0], 0)}, ${percent(1 - lowest[1])} deep`
      ),
      make("div", { class: "soft" }, ...own("confidence"), ", ", ...own("distance"))
    ),
    svg
  );
}
