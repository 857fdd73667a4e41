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

// ---- maps of phones ----
const VOWEL = /^([AEIOU].|[WY])$/;
const mapped = data.rows.filter((row) => row.ambiguity.tokens_file || row.ambiguity.matrix.length);
const classes = Object.values(data.visemes.sapi);
const classOf = (phone) => classes.findIndex((phones) => phones.includes(phone));
const firstOf = (at) => classes[at].find((phone) => phone !== "AX" && phone !== "IX") || classes[at][0];
const ranks = [false, true].map((vowel) =>
  classes.map((_, at) => at).filter((at) => VOWEL.test(firstOf(at)) === vowel)
);
function colour(at) {  // consonants strong, vowels pale; neighbours far apart on the wheel
  const vowel = VOWEL.test(firstOf(at)), mine = ranks[Number(vowel)], place = mine.indexOf(at);
  const hue = Math.round(((place * 360 * (mine.length % 3 ? 3 : 4)) / mine.length + 40) % 360);
  return `oklch(var(--${vowel ? "vowel-" : ""}light) ${vowel ? 0.05 : 0.13} ${hue})`;
}
const drawnName = (at, phones) => classes[at].filter((phone) => phones.has(phone)).join(" ").toLowerCase();
// at the middle of each phone's tokens; phones of one viseme that lie together share a label
function mapLabels(places) {
  const middle = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)], labels = [];
  for (const [name, of] of Object.entries(places).filter(([, of]) => of.length > 4)) {
    const x = middle(of.map(([at]) => at)), y = middle(of.map(([, at]) => at));
    const near = labels.find(
      (one) => classOf(one.names[0]) === classOf(name) && Math.hypot(one.x - x, one.y - y) < 36
    );
    if (near) {
      near.x += (x - near.x) / (near.names.length + 1);
      near.y += (y - near.y) / (near.names.length + 1);
      near.names.push(name);
    } else labels.push({ x, y, names: [name] });
  }
  return labels;
}
function phoneMap(row) {
  const found = data.maps[row.ambiguity.tokens_file];
  if (!found || found.reason)
    return make(
      "div",
      { class: "void" },
      "no map: " + (found ? found.reason : row.ambiguity.reason || "no tokens")
    );
  const side = 480,
    at = scale(0, 1000, 22, side - 22),
    svg = make("svg", {
      viewBox: `0 0 ${side} ${side}`,
      class: "map",
      role: "img",
      "aria-label": `Map of phones, ${plainLabel(row)}`
    });
  const groups = classes.map((_, number) =>
      make("g", { class: "viseme", "data-viseme": number, style: `fill: ${colour(number)}` })
    ),
    picked = { T: [], D: [] },
    places = {};
  const lengthX = Math.max(...found.x), lengthY = Math.max(...found.y);
  found.phone.forEach((phone, n) => {
    const name = found.phones[phone],
      number = classOf(name),
      x = at(found.x[n] + (1000 - lengthX) / 2),
      y = at(found.y[n] + (1000 - lengthY) / 2);
    (places[name] ||= []).push([x, y]);
    if (picked[name]) picked[name].push([x, y]);
    else if (number >= 0)
      groups[number].append(make("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: 2.4 }));
  });
  const tip = (name, of) => make("title", {}, `/${name}/, ${of.length} tokens`);
  groups[classOf("T")]?.append(
    make(
      "g",
      { class: "t" },
      tip("t", picked.T),
      picked.T.map(([x, y]) => make("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: 4 }))
    ),
    make(
      "g",
      { class: "d" },
      tip("d", picked.D),
      picked.D.map(([x, y]) =>
        make("path", { d: `M${(x - 4.4).toFixed(1)} ${(y + 3.6).toFixed(1)}l8.8 0l-4.4 -8.2z` })
      )
    )
  );
  const above = groups.splice(classOf("T"), 1);
  svg.append(
    ...groups,
    ...above,
    ...mapLabels(places).map(({ x, y, names }) =>
      make("text", { class: "letter", x: x.toFixed(1), y: (y + 4).toFixed(1) }, names.join(" ").toLowerCase())
    )
  );
  return svg;
}
function heatMap(row) {
  const { matrix, matrix_phones: phones } = row.ambiguity;
  if (!phones.length)
    return make("div", { class: "void" }, "no ratios: " + (row.ambiguity.reason || "too few tokens"));
  const cell = 480 / (phones.length + 1),
    at = (n) => (n + 1) * cell,
    svg = make("svg", {
      viewBox: "0 0 480 480",
      class: "heat",
      role: "img",
      "aria-label": `Pair ratios, ${plainLabel(row)}`
    });
  matrix.forEach((line, i) => line.forEach((ratio, j) => {
    if (!known(ratio)) {
      svg.append(make("rect", { x: at(j), y: at(i), width: cell, height: cell, style: "fill: var(--line)" }));
      return;
    }
    const near = digits(100 * (1 - Math.min(1, Math.max(0, ratio))), 0);
    svg.append(
      make(
        "rect",
        {
          x: at(j),
          y: at(i),
          width: cell,
          height: cell,
          style: `fill: color-mix(in srgb, var(--one) ${near}%, var(--sheet))`
        },
        make("title", {}, `${phones[i].toLowerCase()} / ${phones[j].toLowerCase()}: ${digits(ratio, 2)}`)
      )
    );
  }));
  phones.forEach((phone, n) =>
    svg.append(
      make("text", { x: at(n) + cell / 2, y: cell - 5, "text-anchor": "middle" }, phone.toLowerCase()),
      make("text", { x: cell - 5, y: at(n) + cell / 2 + 3.5, "text-anchor": "end" }, phone.toLowerCase())
    )
  );
  const together = Object.values(data.visemes[row.ambiguity.viseme_map] || data.visemes.sapi),
    twins = (one, other) => together.some((of) => of.includes(one) && of.includes(other));
  for (let from = 0, to; from < phones.length; from = to) {
    for (to = from + 1; to < phones.length && twins(phones[from], phones[to]);) to += 1;
    svg.append(
      make("rect", {
        class: "outline",
        x: at(from),
        y: at(from),
        width: (to - from) * cell,
        height: (to - from) * cell
      })
    );
  }
  return svg;
}
function drawLegend() {
  const phones = new Set(Object.values(data.maps).flatMap((map) => map.phones || [])), lit = new Set();
  if (!phones.size) return;
  const light = () =>
    document.querySelectorAll(".map").forEach((map) => {
      map.classList.toggle("chosen", lit.size > 0);
      map
        .querySelectorAll(".viseme")
        .forEach((group) => group.classList.toggle("lit", lit.has(Number(group.dataset.viseme))));
    });
  const button = (number) => make("button", { type: "button", "aria-pressed": "false", onclick: (event) => {
    if (!lit.delete(number)) lit.add(number);
    event.currentTarget.setAttribute("aria-pressed", String(lit.has(number)));
    light();
  } }, make("span", { class: "blob", style: `background: ${colour(number)}` }), drawnName(number, phones));
  byId("legend").append(
    make(
      "span",
      { class: "small" },
      make("span", { class: "blob", style: "background: var(--one)" }),
      "/t/ "
    ),
    make("span", { class: "small" }, make("span", { style: "color: var(--two)" }, "▲ "), "/d/ "),
    ...[...ranks[0], ...ranks[1]].filter((number) => drawnName(number, phones)).map(button)
  );
  byId("maps").addEventListener("change", light);
}
function drawMaps() {
  if (!mapped.length) {
    byId("maps").replaceChildren(
      make(
        "p",
        { class: "soft" },
        "No map: " + (data.rows.map((row) => row.ambiguity.reason).find(Boolean) || "no encoder has tokens")
      )
    );
    return;
  }
  const seen = new Set(),
    choices = ordered().filter(
      (row) =>
        mapped.includes(row)
        && !seen.has(row.ambiguity.tokens_file || row.label)
        && seen.add(row.ambiguity.tokens_file || row.label)
    );
  const apart = (row) => row.ambiguity.pairs["T/D"] ?? -1,
    encoders = choices.filter((row) => row.role !== "control"),
    most = [...(encoders.length > 1 ? encoders : choices)].sort((a, b) => apart(b) - apart(a));
  // as in the paper's figure: the one that parts /t/ and /d/ most, and least
  const shown = most.length > 1 ? [most[0], most[most.length - 1]] : most;
  const heats = shown.map(() => make("div", {}));
  byId("maps").replaceChildren(...shown.map((first, side) => {
    const place = make("div", {}), said = make("p", { class: "small soft" });
    const draw = (row) => {
      place.replaceChildren(phoneMap(row));
      heats[side].replaceChildren(heatMap(row));
      said.textContent = known(row.ambiguity.pairs["T/D"])
        ? `R of /t/ and /d/: ${digits(row.ambiguity.pairs["T/D"], 2)}`
        : "";
    };
    const choose = make(
      "select",
      { "aria-label": "encoder of this map", onchange: (event) => draw(choices[event.target.value]) },
      choices.map((row, n) => make("option", { value: n, selected: row === first }, row.label))
    );
    draw(first);
    return make("figure", {}, choose, place, said);
  }));
  byId("heats").replaceChildren(...heats);
}

function draw() {
  readAddress();
  const rows = ordered();
  drawBars("glance", ["pair_auc", "offset_within_one", "r1_lips_to_speech", "va"], rows);
  drawTable(rows);
  drawBars("kinds", ["pair_auc_shift", "pair_auc_clip", "pair_auc_speaker"], rows);
  drawCurves(rows);
  drawBars(
    "retrieval",
    ["r1_lips_to_speech", "r5_lips_to_speech", "r1_speech_to_lips", "r5_speech_to_lips"],
    rows
  );
  drawAmbiguity(rows);
  drawCost(rows);
}
drawHeader();
drawReasons();
drawMaps();
drawLegend();
drawDiffers();
drawPublished(data.published);
for (const table of byId("published").children) table.open = true;
byId("gallery").textContent =
  "How often the right speech is the nearest, or among the five nearest, "
  + `of ${data.shards.gallery} windows, and the other way round.`;
byId("foot").append(
  `Made by speechlip ${data.speechlip}. The numbers of this page are those of benchmark.json beside it; `
    + "docs/benchmark.md has the protocol, docs/protocols.md the formulas."
);
addEventListener("hashchange", draw);
draw();
