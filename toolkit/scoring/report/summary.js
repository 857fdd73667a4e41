const data = JSON.parse(document.getElementById("data").textContent);
const FPS = 25, FRAME_MS = 40, PAGE_OF_CARDS = 40;
const asked = data.columns.filter(
  (column) => column.name !== "offset_ms" || !data.columns.some(({ name }) => name === "offset_frames")
);
// an empty column says nothing: it is named below
const columns = asked.filter((column) => data.rows.some((row) => known(row[column.name])));
const columnOf = Object.fromEntries(columns.map((column) => [column.name, column]));

function shown(column, value, count = column.digits) {
  const text = digits(value, count);
  return column.signed && column.higher === null && value > 0 ? "+" + text : text;
}
function titled(column, unit = true) {
  return [
    column.title.replaceAll("-", "\u2011"),
    arrowOf(column) ? make("span", { class: "arrow" }, "\u00a0" + arrowOf(column)) : null,
    unit && column.unit ? make("span", { class: "unit" }, "\u00a0" + column.unit) : null
  ];
}

// One entry per clip: the row that stands for it is its last, those before are its tracks.
const clips = data.clips.map((detail) => {
  const rows = data.rows.filter((row) => row.clip === detail.clip);
  return { name: detail.clip, detail, row: rows[rows.length - 1], tracks: rows.slice(0, -1) };
}).filter((clip) => clip.row);

// "lse: no face; lmd: no face" is said once: "lse, lmd: no face"; what holds for every family, without their
// names.
function reasons(row) {
  const families = new Map();
  for (const part of (row.reason || "").split("; ").filter(Boolean)) {
    const [family, ...words] = part.split(": ");
    families.set(words.join(": "), [...(families.get(words.join(": ")) || []), family]);
  }
  const alone = families.size === 1 && row.status === "failed";
  return [...families].map(([words, names]) => (alone ? words : `${names.join(", ")}: ${words}`));
}
const inReasons = (family) => family === "lse" && data.sync_model?.is_lse === false ? "sync" : family;
function whyMissing(row, column) {
  const said = (row.reason || "").split("; ").map((part) => part.split(": "));
  const names = [column.family, inReasons(column.family)]; // results kept by older releases say lse
  const own = said.find(([family]) => names.includes(family));
  return own ? own.slice(1).join(": ") : row.reason || "not computed";
}

// ---- order ----
const first =
  columns.find((column) => column.higher !== null && clips.some((clip) => known(clip.row[column.name])))
  || columns[0];
const order = { by: first ? first.name : "", worst: true };

function readAddress() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  if (columnOf[wanted.get("sort")]) order.by = wanted.get("sort");
  order.worst = wanted.get("order") !== "best";
}
function badness(column, value) {
  return column.higher === null ? Math.abs(value) : column.higher ? -value : value;
}
function ordered() {
  const column = columnOf[order.by], sign = order.worst ? -1 : 1;
  if (!column) return clips;
  const value = (clip) => clip.row[column.name];
  return [...clips].sort((a, b) => {
    if (!known(value(a)) || !known(value(b))) return known(value(b)) - known(value(a));
    return sign * (badness(column, value(a)) - badness(column, value(b)));
  });
}
const address = (name, worst) => "#" + new URLSearchParams({ sort: name, order: worst ? "worst" : "best" });

// ---- header, summary, published ----
function whoseWeights(model) {
  if (ofMouths(model)) return ": correlations of a mouth with what its audio foretells, no LSE; no weights";
  if (model.is_lse === false) return ": its numbers are distances in its own space, no LSE";
  return model.official === false
    ? make("strong", { class: "failed" }, ", unknown weights")
    : model.official
      ? ", official weights"
      : "";
}

const ofMouths = (model) => Boolean(model) && ["phones", "self"].includes(model.name);
function drawHeader() {
  const count = (status) => clips.filter((clip) => clip.row.status === status).length;
  byId("lead").append(
    `${counted(clips.length, "clip")}: ${count("scored")} scored, `
      + `${count("partial")} in part, ${count("failed")} not at all`
  );
  const fact = (name, ...said) => byId("facts").append(make("dt", {}, name), make("dd", {}, ...said));
  const protocol = data.protocol || {};
  fact(
    "Protocol",
    make("strong", {}, protocol.id || "unknown"),
    protocol.sentence ? ": " + protocol.sentence : ""
  );
  if ((data.options || {}).ffmpeg) fact("ffmpeg", data.options.ffmpeg);
  for (const differs of protocol.differs || [])
    fact("", make("span", { class: "soft" }, "differs from the published one: " + differs));
  const model = data.sync_model;
  if (model)
    fact(
      "Sync model",
      model.name,
      whoseWeights(model),
      make("br"),
      make("code", { class: "soft" }, "SHA-256 " + model.sha256)
    );
  else fact("Sync model", "none");
  for (const [name, hash] of Object.entries(data.models || {}))
    if (!model || hash !== model.sha256) fact("Model file", name, " ", make("code", { class: "soft" }, hash));
  fact(
    "Versions",
    Object.entries({ speechlip: data.speechlip, ...data.versions })
      .map(([name, version]) => name + " " + version)
      .join(", ")
  );
  const unused = data.unused_references || [];
  if (unused.length)
    fact(
      "Unused",
      `${counted(unused.length, "reference")} without a render: `
        + `${unused.slice(0, 5).join(", ")}${unused.length > 5 ? ", …" : ""}`
    );
  fact(
    "Command",
    make("code", {}, typeof data.command === "string" ? data.command : (data.command || []).join(" "))
  );
}
function drawTables(section, title, note, head, rows) {  // text of files is written as text
  if (!rows.length) return;
  const line = (cells, isHead) =>
    make("tr", {}, cells.map((cell, place) =>
      isHead || !place ? make("th", { scope: isHead ? "col" : "row" }, cell) : make("td", {}, cell)
    ));
  byId(section).append(
    make("h2", {}, title),
    make("p", { class: "soft small" }, note),
    make(
      "div",
      { class: "scroll" },
      make(
        "table",
        {},
        make("thead", {}, line(head, true)),
        make("tbody", {}, rows.map((row) => line(row, false)))
      )
    )
  );
  byId(section).hidden = false;
}
const namedColumns = (name) => asked.filter((column) => data[name].some(({ metric }) => metric === column.name));
function drawSubgroups() {
  const all = data.subgroups || [];
  for (const by of new Set(all.map((group) => group.by))) {
    const own = all.filter((group) => group.by === by), shownOf = namedColumns("subgroups");
    const text = (group, column) =>
      !group || !known(group.mean)
        ? "—"
        : [
            group.worst ? make("strong", { class: "failed" }, "worst ") : null,
            shown(column, group.mean, column.mean_digits),
            known(group.real)
              ? make("span", { class: "soft" }, " · real " + shown(column, group.real, column.mean_digits))
              : null
          ];
    const rows = [...new Set(own.map(({ group }) => group))].map((name) => [
      name,
      String(own.find(({ group }) => group === name).clips),
      ...shownOf.map((column) =>
        text(own.find(({ group, metric }) => group === name && metric === column.name), column)
      )
    ]);
    const note = "Means over the clips of each group. Worst: by the metric's direction, or farthest from real.";
    drawTables("groups", "By " + by, note, [by, "clips", ...shownOf.map((column) => titled(column))], rows);
  }
}
function drawOpinions() {
  const all = data.opinions || [], number = (value) => (known(value) ? digits(value, 2) : "—");
  const ends = (low, high) => (known(low) ? `${number(low)} … ${number(high)}` : "—");
  for (const scale of new Set(all.map((each) => each.scale))) {
    const rows = all
      .filter((each) => each.scale === scale && asked.some(({ name }) => name === each.metric))
      .map((each) => [
        titled(asked.find(({ name }) => name === each.metric), false),
        String(each.clips),
        number(each.spearman),
        ends(each.spearman_low, each.spearman_high),
        number(each.kendall),
        ends(each.kendall_low, each.kendall_high)
      ]);
    const head = ["", "clips", "Spearman", "95 % interval", "Kendall", "95 % interval"];
    const note = "Rank correlation over clips with what people say; below 0 where less of a metric is better.";
    drawTables("people", "Opinions: " + scale, note, head, rows);
  }
}

function drawSets() {
  const below = (...words) => make("div", { class: "words small soft" }, ...words);
  const amount = (frames, window) => (window > 1 ? frames / window + " × " + window : String(frames));
  const titles = { fid: "FID", fvd_videogpt: "FVD (VideoGPT)" };
  const rows = (data.sets || []).map((each) => [
    [(titles[each.metric] || each.metric) + " ↓", below(each.reason), below(make("code", {}, each.network))],
    known(each.value) ? digits(each.value, 2) : "—",
    String(each.clips),
    amount(each.frames, each.window),
    amount(each.frames_real, each.window)
  ]);
  const head = ["", "value", "clips", "frames", "real frames"];
  const note = "One number for all frames together: it depends on how many there are, and has no interval.";
  drawTables("sets", "Of the whole folder", note, head, rows);
}

function drawSummary() {
  const real = (column) => (data.aggregates[column.real] || {}).mean;
  const withReal = columns.some((column) => known(real(column)));
  const head = ["", "mean", ...(withReal ? ["real video"] : []), "95 % interval", "median", "clips", "missing"];
  const body = columns.filter((column) => data.aggregates[column.name]).map((column) => {
    const all = data.aggregates[column.name];
    const number = (value) => shown(column, value, column.mean_digits),
      cell = (value) => make("td", {}, known(value) ? number(value) : "—");
    const interval = known(all.ci_low) ? number(all.ci_low) + " … " + number(all.ci_high) : "—";
    return make(
      "tr",
      {},
      make("th", { scope: "row" }, ...titled(column)),
      cell(all.mean),
      withReal ? cell(real(column)) : null,
      make("td", {}, interval),
      cell(all.median),
      make("td", {}, String(all.scored)),
      make("td", { class: all.missing ? "failed" : "" }, String(all.missing))
    );
  });
  byId("summary").append(
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        head.map((name) => make("th", { scope: "col" }, name))
      )
    ),
    make("tbody", {}, body)
  );
  for (const [family, reasons] of Object.entries(data.missing || {})) {
    const said = Object.entries(reasons).map(([reason, count]) => `${reason} (${count})`).join(", ");
    if (said) byId("reasons").append(make("li", {}, make("strong", {}, inReasons(family)), " missing: " + said));
  }
  const empty = asked.filter((column) => !columns.includes(column)).map((column) => column.title);
  if (empty.length && clips.length)
    byId("reasons").append(
      make("li", {}, "Not shown, for no clip has it: ", make("strong", {}, [...new Set(empty)].join(", ")))
    );
  const measured = clips.filter((clip) => known(clip.row.offset_frames)),
    open = measured.filter((clip) => undecided(clip.row));
  if (open.length)
    byId("reasons").append(
      make(
        "li",
        {},
        make("strong", {}, "offset"),
        ` undecided (marked ?) in ${open.length} of ${measured.length}: not to be acted on`
      )
    );
}
