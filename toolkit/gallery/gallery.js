// ---- above the clips ----
const clock = (time_s) =>
  time_s >= 3600
    ? `${digits(time_s / 3600, 1)} h`
    : time_s >= 60
      ? `${digits(time_s / 60, 1)} min`
      : `${digits(time_s, 1)} s`;
function drawHeader() {
  document.title = byId("name").textContent = "";
  byId("name").append("Clips of ", text(data.name));
  document.title = "Clips of " + plain(data.name);
  const splits = Object.entries(data.splits).map(
    ([name, facts]) => `${name} ${counted(facts.clips, "clip")} of ${counted(facts.speakers, "speaker")}`
  );
  byId("lead").append(
    `${clips.length} of ${counted(data.clips || clips.length, "clip")}. `,
    splits.join(", ")
  );
  for (const [name, words] of data.facts)
    byId("facts").append(make("dt", {}, name), make("dd", {}, text(words)));
  const drawn = data.frozen.length
    ? `Pairs of ${data.frozen.join(" and ")} are the frozen ones; the others are`
    : "Pairs are";
  byId("pairs-note").append(`${drawn} drawn from the clips shown here, by the rules of training.`);
}
const titled = (title, aside, ...body) =>
  make(
    "figure",
    {},
    make("figcaption", {}, make("strong", {}, title), make("span", { class: "soft" }, aside)),
    ...body
  );
function drawFunnel() {
  const funnel = data.funnel;
  if (!funnel) return null;
  const row = (name, time_s, lost) =>
    make(
      "div",
      { class: lost ? "lost" : null },
      make("p", {}, make("span", {}, text(name)), make("span", {}, clock(time_s))),
      make("i", { style: `width:${(100 * time_s) / (funnel.seconds || 1)}%` })
    );
  const dropped = Object.entries(funnel.dropped || {})
    .filter(([, time_s]) => time_s >= 0.05)
    .sort((one, other) => other[1] - one[1]);
  const parts = [
    ["without speech", funnel.no_speech_seconds],
    ...Object.entries(funnel.no_phones || {}).map(([reason, time_s]) => [
      "without phones, " + reason,
      time_s
    ]),
    ["the face interpolated", funnel.interpolated_seconds],
    ["several faces at once", funnel.several_faces_seconds]
  ];
  const skipped = Object.entries(funnel.skipped || {}).map(([reason, count]) =>
    make(
      "p",
      { class: "soft" },
      make("span", {}, "skipped, ", text(reason)),
      make("span", {}, counted(count, "video"))
    )
  );
  return titled(
    "From videos to clips",
    counted(funnel.sources, "video"),
    make(
      "div",
      { class: "funnel" },
      row("videos", funnel.seconds || 0),
      dropped.map(([reason, time_s]) => row("− " + reason, time_s, true)),
      row("= kept", funnel.seconds_kept || 0),
      parts
        .filter(([, time_s]) => time_s >= 0.05)
        .map(([what, time_s]) => row("of which " + what, time_s)),
      skipped
    )
  );
}
function bars(title, aside, counts, labels, titles) {
  const W = 270, H = 118, floor = 94, most = Math.max(...counts, 1e-9), wide = W / counts.length;
  const svg = make("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": title });
  counts.forEach((count, bin) => {
    const tall = (count / most) * (floor - 8), gap = Math.min(1.5, wide / 4);
    if (count)
      svg.append(
        make(
          "rect",
          {
            x: bin * wide + gap / 2,
            y: floor - tall,
            width: Math.min(wide, 60) - gap,
            height: tall,
            class: "bar"
          },
          make("title", {}, titles(bin))
        )
      );
  });
  svg.append(
    line(0, floor, W, floor, "axis"),
    ...labels.map(([at, words, anchor]) =>
      make("text", { x: at * W, y: H - 10, "text-anchor": anchor || "middle" }, words)
    )
  );
  return titled(title, aside, svg);
}
function drawHistogram(title, unit, drawn, why) {
  if (!drawn) return nothing(title, why);
  const { ticks, places } = niceTicks(drawn.low, drawn.high, 6),
    at = scale(drawn.low, drawn.high, 0, 1),
    step = (drawn.high - drawn.low) / drawn.counts.length;
  const labels = ticks.map((tick) => [
    at(tick),
    `${digits(tick, places)}`,
    at(tick) < 0.04 ? "start" : at(tick) > 0.96 ? "end" : "middle"
  ]);
  return bars(
    title,
    `median ${digits(drawn.median, unit === "px" ? 0 : 1)} ${unit}`,
    drawn.counts,
    labels,
    (bin) =>
      `${counted(drawn.counts[bin], "clip")}, `
      + `${digits(drawn.low + bin * step, 1)} … ${digits(drawn.low + (bin + 1) * step, 1)} ${unit}`
  );
}
function drawSpeakers() {
  const { first, others, others_s } = data.speakers, values = first.map(([, time_s]) => time_s);
  const labels = first.length
    ? [
        [0, `most ${clock(values[0])}`, "start"],
        [1, others ? `… ${others} more, ${clock(others_s)}` : `least ${clock(values.at(-1))}`, "end"]
      ]
    : [];
  return bars(
    "Seconds per speaker",
    counted(first.length + others, "speaker"),
    values,
    labels,
    (bin) => `${plain(first[bin][0])}: ${clock(values[bin])}`
  );
}
function drawOver() {
  const part = data.counted < data.clips ? `, ${data.counted} of ${data.clips} clips` : "";
  byId("over").append(
    ...[
      drawFunnel(),
      drawHistogram("Clip length" + part, "s", data.lengths, "no clip"),
      drawHistogram("Face width", "px", data.widths, "these shards do not say it"),
      drawSpeakers()
    ].filter(Boolean)
  );
}
function drawRanges() {
  const rows = data.ranges.map(([name, unit, count, least, median, greatest, meaning]) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, make("code", {}, name), " ", make("span", { class: "unit" }, unit)),
      [count, least, median, greatest].map((value) => make("td", {}, value.replace("-", "−"))),
      make("td", { class: "words soft" }, meaning)
    )
  );
  byId("ranges").hidden = !rows.length;
  byId("ranges").querySelector("tbody").append(...rows);
}

// ---- filters: what is chosen stands in the address, so that a view can be sent ----
const choices = ["speaker", "split", "detector"];
function fill() {
  for (const name of choices) {
    const counts = new Map();
    for (const clip of clips) counts.set(clip[name], (counts.get(clip[name]) || 0) + 1);
    const options = [...counts]
      .filter(([value]) => value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([value, count]) => make("option", { value }, `${plain(value)} (${count})`));
    byId(name).append(make("option", { value: "" }, "all"), ...options);
    byId(name).addEventListener("change", chosen);
  }
  for (const name of ["from", "to"]) byId(name).addEventListener("input", chosen);
  byId("all").addEventListener("click", () => {
    for (const name of [...choices, "from", "to"]) byId(name).value = "";
    chosen();
  });
  const wanted = new URLSearchParams(location.hash.slice(1));
  for (const name of [...choices, "from", "to"]) if (wanted.has(name)) byId(name).value = wanted.get(name);
}
function choose() {
  const wanted = Object.fromEntries(
    [...choices, "from", "to"].map((name) => [name, byId(name).value]).filter(([, value]) => value)
  );
  const fits = (clip) => choices.every((name) => !(name in wanted) || clip[name] === wanted[name])
    && seconds(clip) >= Number(wanted.from || 0) && seconds(clip) <= Number(wanted.to || Infinity);
  let count = 0;
  for (const card of cards) {
    const shown = fits(card.clip);
    card.element.hidden = card.tile.hidden = !shown;
    count += shown;
    if (!shown && playing === card) stop();
  }
  byId("count").textContent =
    count === clips.length ? counted(count, "clip") : `${count} of ${counted(clips.length, "clip")}`;
  return wanted;
}
const chosen = () => history.replaceState(null, "", "#" + new URLSearchParams(choose()));

// ---- #clip-KEY leads to a clip ----
function goToClip() {
  const card = cards.find((each) => anchorOf(each.clip) === location.hash);
  if (!card) return;
  if (card.element.hidden) byId("all").click();
  const show = () => card.element.scrollIntoView({ block: "start" });
  show();
  card.track.focus({ preventScroll: true });
  requestAnimationFrame(show);  // clips above may have got another height by coming into view
}

// ---- paper shows every clip, seen before or not ----
const idle = () =>
  new Promise((done) =>
    window.requestIdleCallback ? requestIdleCallback(done, { timeout: 200 }) : setTimeout(done)
  );
async function paintAll() {
  for (const card of cards) { await idle(); await card.paint(); }
}

// ---- the wall: one mouth of each clip, which moves under the pointer ----
function tileOf(card) {
  const clip = card.clip, canvas = make("canvas", { width: 112, height: 112 });
  const draw = (sheet, frame) =>
    drawMouth(sized(canvas, 56, 56), sheet, frame, 0, 0, canvas.width, canvas.height);
  const show = async (frame) => draw(await sheetOf(clip), frame);
  card.tileForPaper = () => draw(sheetOf(clip).image, clip.frames >> 1);
  let timer = null;
  const rest = () => { clearInterval(timer); timer = null; show(clip.frames >> 1); };
  const move = () => {
    let frame = clip.frames >> 1;
    timer ||= setInterval(() => show((frame = (frame + 1) % clip.frames)), 1000 / FPS);
  };
  rest();
  return make(
    "a",
    {
      href: anchorOf(clip),
      title: `${plain(clip.speaker)}, ${two(seconds(clip))} s`,
      onpointerenter: move,
      onpointerleave: rest
    },
    canvas
  );
}

const cards = clips.map((clip) => new Card(clip));
byId("clips").append(...cards.map((card) => card.element));
for (const card of cards) { card.tile = tileOf(card); byId("wall").append(card.tile); }
const cardOf = new Map(cards.map((card) => [card.element, card]));
const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) if (entry.isIntersecting) cardOf.get(entry.target).paint();
  },
  { rootMargin: "600px" }
);
for (const card of cards) { card.at(0); seen.observe(card.element); }
drawHeader();
drawOver();
drawRanges();
fill();
choose();
addEventListener("hashchange", goToClip);
addEventListener("beforeprint", () => cards.forEach((card) => card.paintForPaper()));
goToClip();
const painted = paintAll();
