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
