const data = JSON.parse(byId("data").textContent);
const columns = data.columns, columnOf = Object.fromEntries(columns.map((column) => [column.name, column]));
const ambiguityOf = Object.fromEntries(data.ambiguity_columns.map((column) => [column.name, column]));
const scoreOf = (row, name) =>
  (ambiguityOf[name] ? row.ambiguity.scores[name] : row.scores[name]) || { value: null, reason: "" };
const anyColumn = (name) => columnOf[name] || ambiguityOf[name];
const TABLE = [
  "pair_auc",
  "eer",
  "average_precision",
  "offset_exact",
  "offset_within_one",
  "r1_lips_to_speech",
  "r5_lips_to_speech",
  "r1_speech_to_lips",
  "r5_speech_to_lips",
  "va"
];

const kindOf = (row) => (row.role === "control" ? "control" : row.mode === "as trained" ? "trained" : "");
const scored = (row) => row.status === "scored";
function label(row) {
  const said = row.label.replace(/ ?\(as trained\)$/, "");
  return [
    row.mode === "as trained" ? said : row.label,
    row.role === "control" ? make("span", { class: "tag control" }, "control") : null,
    row.mode === "as trained" ? make("span", { class: "tag trained" }, "as trained") : null,
    row.random_init ? make("span", { class: "tag control" }, "random weights") : null
  ];
}
const plainLabel = (row) => row.label + (row.role === "control" ? ", control" : "");
const head = (row) => make("th", { scope: "row", class: "name", title: row.note }, label(row));
const percent = (value) => `${digits(100 * value, 0)} %`;
function why(row, score, family) {
  if (!scored(row)) return row.reason || "not scored";
  return score.reason || (family === "ambiguity" && row.ambiguity.reason) || "not measured";
}
const dash = (reason) => make("abbr", { class: "missing", title: reason }, "—");
const titled = (column) => [
  column.title.replaceAll("-", "\u2011"),
  arrowOf(column) ? make("span", { class: "arrow" }, "\u00a0" + arrowOf(column)) : null
];

// ---- order ----
const order = { by: "pair_auc", best: true };
function readAddress() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  order.by = anyColumn(wanted.get("sort")) ? wanted.get("sort") : "pair_auc";
  order.best = wanted.get("order") !== "worst";
}
const address = (name, best) => "#" + new URLSearchParams({ sort: name, order: best ? "best" : "worst" });
function ordered() {
  const sign = (anyColumn(order.by).higher === false ? 1 : -1) * (order.best ? 1 : -1),
    value = (row) => scoreOf(row, order.by).value;
  return [...data.rows].sort((a, b) =>
    known(value(a)) && known(value(b))
      ? sign * (value(a) - value(b))
      : known(value(b)) - known(value(a)) || scored(b) - scored(a)
  );
}
function sortable(column, ...below) {
  const on = column.name === order.by;
  const way = !on ? null : (column.higher === false) === order.best ? "ascending" : "descending";
  return make(
    "th",
    { scope: "col", "aria-sort": way },
    make(
      "a",
      { href: address(column.name, on ? !order.best : true) },
      ...titled(column),
      on ? (order.best ? "\u00a0▾" : "\u00a0▴") : ""
    ),
    ...below
  );
}

// ---- header and tables ----
function drawHeader() {
  const fact = (name, ...said) => byId("facts").append(make("dt", {}, name), make("dd", {}, ...said));
  const many = (number, name) => `${number} ${name}${number === 1 ? "" : "s"}`;
  const count = (wanted) => data.rows.filter(wanted).length, failed = count((row) => !scored(row));
  byId("lead").append(
    `${many(
      count((row) => row.role !== "control"),
      "encoder row"
    )} and ${many(
      count((row) => row.role === "control"),
      "control"
    )} on the same pairs${failed ? `; ${failed} could not be scored` : ""}`
  );
  fact(
    "Protocol",
    make("strong", {}, data.protocol),
    ": every encoder is frozen, and the same head and lip network are trained on it with the same pairs; "
      + "rows marked “as trained” use their own two halves"
  );
  const shards = data.shards,
    parts = Object.entries(shards.splits).map(
      ([name, of]) =>
        `${name} ${counted(of.clips, "clip")} of ${counted(of.speakers, "speaker")}, `
        + `${digits(of.seconds / 60, 1)} min`
    );
  fact(
    "Shards",
    make("strong", {}, shards.name),
    `, crop ${shards.crop}; ${parts.join("; ")}`,
    make("br"),
    make("code", { class: "soft" }, "manifest SHA-256 " + shards.manifest_sha256)
  );
  fact(
    "Examined",
    `split ${shards.split}: ${Object.entries(shards.pairs)
      .map(([kind, pairs]) => `${pairs} ${kind}`)
      .join(", ")} pairs`,
    Object.entries(shards.off).map(([kind, reason]) =>
      make("div", { class: "soft" }, `no ${kind} pairs: ${reason}`)
    ),
    shards.too_short
      ? make(
          "div",
          { class: "soft" },
          `${shards.too_short} of ${data.clips} clips are too short for every shift and have no offset`
        )
      : null
  );
  fact(
    "Options",
    Object.entries(data.options)
      .filter(([, value]) => value !== "" && value !== null)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ")
  );
  if (data.head) fact("Head", data.head);
  for (const note of data.notes) fact("Note", note);
  fact(
    "Versions",
    Object.entries({ speechlip: data.speechlip, ...data.versions })
      .map(([name, version]) => name + " " + version)
      .join(", ")
  );
  fact("Command", make("code", {}, data.command));
}
function number(row, column) {
  const score = scoreOf(row, column.name),
    seeds =
      known(score.seed_low) && score.seed_low !== score.seed_high
        ? `seeds ${digits(score.seed_low, column.digits)} … ${digits(score.seed_high, column.digits)}`
        : null;
  return make(
    "td",
    { class: column.name === order.by ? "on" : "", title: known(score.value) ? seeds : null },
    known(score.value)
      ? digits(score.value, column.digits)
      : dash(why(row, score, ambiguityOf[column.name] ? "ambiguity" : "")),
    column.name !== "pair_auc" && row.differences[column.name] ? mark(row.differences[column.name].p) : null,
    known(score.ci_low)
      ? make(
          "span",
          { class: "between" },
          `${digits(score.ci_low, column.digits)}\u202f…\u202f${digits(score.ci_high, column.digits)}`
        )
      : null
  );
}
const stars = (p) => (p < 0.001 ? "***" : p < 0.01 ? "**" : p < 0.05 ? "*" : "ns");
// too few clips have no p
const mark = (p) => (known(p) ? make("span", { class: "mark" }, " " + stars(p)) : null);
function difference(row) {
  const found = row.differences.pair_auc;
  if (row.is_best) return make("td", {}, make("span", { class: "tag best" }, "best"));
  if (!found) return make("td", {}, dash(why(row, scoreOf(row, "pair_auc"))));
  const p = !known(found.p)
    ? "too few clips for a p"
    : found.p < 0.001
      ? "p < 0.001"
      : `p = ${digits(found.p, 3)}`;
  return make(
    "td",
    { title: `to ${found.to}: ${digits(found.value, 3)}, ${p}` },
    (found.value > 0 ? "+" : "") + digits(found.value, 3),
    mark(found.p),
    make("span", { class: "between" }, `${digits(found.ci_low, 3)}\u202f…\u202f${digits(found.ci_high, 3)}`)
  );
}
function drawTable(rows) {
  // without a best there is nothing to differ from
  const shown = filled(TABLE.map(anyColumn), rows), best = rows.some((row) => row.is_best);
  const heads = shown.flatMap((column) => [
    sortable(column),
    best && column.name === "pair_auc" ? make("th", { scope: "col" }, "Δ to best") : null
  ]);
  const body = rows.map((row) =>
    make(
      "tr",
      { "data-row": row.label, class: kindOf(row) },
      head(row),
      scored(row)
        ? shown.flatMap((column) => [
            number(row, column),
            best && column.name === "pair_auc" ? difference(row) : null
          ])
        : make("td", { class: "words failed", colspan: shown.length + 1 }, row.reason || "not scored")
    )
  );
  byId("table").replaceChildren(
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "encoder"), heads)),
    make("tbody", {}, body)
  );
}
// Columns that some row has; the others are named among the reasons below the table.
const filled = (columns, rows) =>
  columns.filter((column) => rows.some((row) => known(scoreOf(row, column.name).value)));
function drawReasons() {
  const rows = data.rows.filter(scored), missing = new Map();
  for (const column of [...columns, ambiguityOf.va]) for (const row of rows) {
    const score = scoreOf(row, column.name);
    if (known(score.value)) continue;
    const reason = why(row, score, ambiguityOf[column.name] ? "ambiguity" : ""),
      found = missing.get(reason) || { titles: new Set(), labels: new Set() };
    found.titles.add(column.title); found.labels.add(row.label);
    missing.set(reason, found);
  }
  for (const [reason, { titles, labels }] of missing) byId("reasons").append(
    make(
      "li",
      {},
      make("strong", {}, "missing "),
      [...titles].join("; "),
      `: ${reason}`,
      make(
        "span",
        { class: "soft" },
        labels.size === rows.length ? " (every row)" : ` (${[...labels].join(", ")})`
      )
    )
  );
  for (const row of data.rows.filter((row) => row.note))
    byId("reasons").append(make("li", {}, make("strong", {}, row.label + ": "), row.note));
}
function drawAmbiguity(rows) {
  const pairs = [...new Set(data.rows.flatMap((row) => Object.keys(row.ambiguity.pairs)))]
    .sort((a, b) => (b === "T/D") - (a === "T/D"))
    .slice(0, 3);
  const shown = filled(data.ambiguity_columns, rows);
  const body = rows.map((row) =>
    make(
      "tr",
      { class: kindOf(row) },
      head(row),
      Object.keys(row.ambiguity.scores).length
        ? [
            ...shown.map((column) => number(row, column)),
            ...pairs.map((pair) =>
              make(
                "td",
                {},
                known(row.ambiguity.pairs[pair])
                  ? digits(row.ambiguity.pairs[pair], 2)
                  : dash("too few tokens")
              )
            ),
            make("td", {}, String(row.ambiguity.tokens))
          ]
        : make(
            "td",
            { class: "words soft", colspan: shown.length + pairs.length + 1 },
            why(row, { reason: "" }, "ambiguity")
          )
    )
  );
  byId("ambiguity").replaceChildren(
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("th", { scope: "col" }, "encoder"),
        shown.map((column) => sortable(column)),
        pairs.map((pair) => make("th", { scope: "col" }, `R ${pair.toLowerCase()}`)),
        make("th", { scope: "col" }, "tokens")
      )
    ),
    make("tbody", {}, body)
  );
}
function drawNoise(rows) {
  const heard = rows.filter((row) => row.noise.length),
    levels = [...new Set(heard.flatMap((row) => row.noise.map((level) => level.snr_db)))].sort((a, b) => b - a),
    measures = ["pair_auc", "offset_exact", "va", "ar_star"].map(anyColumn);
  byId("with-noise").hidden = !heard.length;
  const at = (row, level, name) =>
    level === null
      ? scoreOf(row, name).value
      : row.noise.find((each) => each.snr_db === level)?.scores[name]?.value;
  const shown = measures.filter((column) =>
    heard.some((row) => [null, ...levels].some((level) => known(at(row, level, column.name))))
  );
  const cells = (row) =>
    shown.flatMap((column) =>
      [null, ...levels].map((level) => {
        const value = at(row, level, column.name);
        return make("td", {}, known(value) ? digits(value, column.digits) : dash("not measured"));
      })
    );
  if (heard.length) drawNoiseCurves(heard, levels, shown, at);
  byId("noise").replaceChildren(
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("th", { scope: "col" }, "encoder"),
        shown.flatMap((column) =>
          [null, ...levels].map((level) =>
            make(
              "th",
              { scope: "col" },
              level === null ? `${column.title}, clean` : `${digits(level, 0)} dB`
            )
          )
        )
      )
    ),
    make(
      "tbody",
      {},
      heard.map((row) => make("tr", { class: kindOf(row) }, head(row), cells(row)))
    )
  );
}
function drawCost(rows) {
  const millions = (count) =>
    count >= 1e6
      ? `${digits(count / 1e6, 1)} M`
      : count >= 1e3
        ? `${digits(count / 1e3, 0)} k`
        : String(count);
  const some = rows.map((row) => row.cost).find((cost) => cost && known(cost.real_time_factor));
  byId("measure").textContent =
    "Measured in a fresh process"
    + (some ? ` on ${some.seconds} s of speech, ${some.device}, ${counted(some.threads, "thread")}` : "")
    + ". Real-time factor: computing time over duration, below 1 is faster than speech. "
    + "Look-ahead: how much later speech a feature waits for. "
    + "Memory: all of the process, on a GPU what torch held there.";
  const cell = (value, text, reason) =>
    make("td", {}, value === null || value === undefined ? dash(reason || "not measured") : text(value));
  const body = rows
    .filter((row) => row.cost)
    .map(({ cost, ...row }) =>
      make(
        "tr",
        { class: kindOf(row) },
        head(row),
        cell(cost.parameters, millions, "not known: the encoder does not say"),
        cell(cost.head_parameters, millions),
        make("td", {}, known(cost.look_ahead_ms) ? digits(cost.look_ahead_ms, 0) : "whole clip"),
        cell(cost.real_time_factor, (value) => (value < 0.001 ? "< 0.001" : digits(value, 3)), cost.reason),
        cell(cost.peak_memory_mb, (value) => digits(value, 0), cost.reason),
        make("td", {}, digits(row.rate_hz, 0)),
        make("td", {}, `${row.dim}`),
        make("td", { class: "words soft small" }, cost.reason)
      )
    );
  const unit = (name, of) =>
    make("th", { scope: "col" }, name, of ? make("span", { class: "unit" }, " " + of) : null);
  byId("cost").replaceChildren(
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        unit("encoder"),
        unit("parameters"),
        unit("head"),
        unit("look-ahead", "ms"),
        unit("real-time factor"),
        unit("peak memory", "MB"),
        unit("rate", "Hz"),
        unit("width"),
        make("th", {})
      )
    ),
    make("tbody", {}, body)
  );
}
function drawDiffers() {
  const said = Object.entries(data.unlike_paper).map(([option, words]) => ["this benchmark", option, words]);
  for (const row of data.rows)
    if (
      row.mode === "as trained"
      || !data.rows.some((other) => other.mode === "as trained" && other.name === row.name)
    )
      said.push(...Object.entries(row.unlike_paper).map(([option, words]) => [row.name, option, words]));
  byId("differs").append(
    ...said.map(([who, option, words]) =>
      make("li", {}, make("span", { class: "soft" }, who + " · "), make("strong", {}, option), " " + words)
    )
  );
  if (!said.length) byId("differs").append(make("li", { class: "soft" }, "None."));
}
