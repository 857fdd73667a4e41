// ---- what was chosen and learned: layers, learning rates ----
function drawMixes(rows) {
  const mixed = rows.filter((row) => row.mix.length);
  byId("mixes").hidden = !mixed.length;
  byId("mixed").replaceChildren(...mixed.map(mixFigure));
}
function mixFigure(row) {
  const wide = 300, tall = 150, left = 30, right = wide - 4, top = 8, floor = 118, weights = row.mix,
    most = Math.max(...weights, ...row.seeds.flatMap((seed) => seed.mix)), y = scale(0, most, floor, top),
    step = (right - left) / weights.length, middle = (layer) => left + (layer + 0.5) * step,
    svg = make("svg", {
      viewBox: `0 0 ${wide} ${tall}`,
      role: "img",
      class: kindOf(row),
      "aria-label": `Weight of each layer of ${plainLabel(row)}`
    }),
    { ticks, places } = niceTicks(0, most, 3);
  for (const tick of ticks)
    svg.append(
      line(left, y(tick), right, y(tick), "axis"),
      make("text", { x: left - 5, y: y(tick) + 3.5, "text-anchor": "end" }, digits(tick, places))
    );
  weights.forEach((weight, layer) => {
    svg.append(
      make(
        "rect",
        { x: middle(layer) - step * 0.36, y: y(weight), width: step * 0.72, height: floor - y(weight), class: "fill" },
        make("title", {}, `layer ${layer}: ${digits(weight, 3)}`)
      )
    );
    if (row.seeds.length > 1)
      svg.append(
        ...row.seeds.map((seed) =>
          make("circle", { cx: middle(layer), cy: y(seed.mix[layer]), r: 1.8, class: "seed" })
        )
      );
    if (weights.length <= 16 || layer % 2 === 0)
      svg.append(make("text", { x: middle(layer), y: floor + 13, "text-anchor": "middle" }, String(layer)));
  });
  svg.append(make("text", { x: (left + right) / 2, y: tall - 2, "text-anchor": "middle" }, "layer"));
  return make(
    "figure",
    {},
    make("figcaption", {}, make("strong", {}, label(row)), make("div", { class: "soft" }, row.mix_words)),
    svg
  );
}
function drawRates(rows) {
  const trained = rows.filter((row) => row.rate),
    tried = [...new Set(trained.flatMap((row) => row.rate.tried.map((each) => each.lr)))].sort((a, b) => a - b);
  byId("rates-of-rows").hidden = !trained.length;
  const mean = (values) => values.every(known) && values.reduce((sum, value) => sum + value, 0) / values.length,
    why = { given: "given by --lr", nobody: "no validation people", validation: "" },
    cells = (row) =>
      tried.map((lr) => {
        const each = row.rate.tried.find((one) => one.lr === lr);
        if (!each) return make("td", {}, dash("not tried"));
        const auc = mean(each.validation), seeds = each.validation.map((value) => digits(value, 3)).join(", ");
        return auc === false
          ? make("td", {}, dash("the loss was no number any more"))
          : make("td", { class: lr === row.rate.lr ? "on" : "", title: `seeds: ${seeds}` }, digits(auc, 3));
      });
  byId("rates").replaceChildren(
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("th", { scope: "col" }, "encoder"),
        tried.map((lr) => make("th", { scope: "col" }, `AUC at ${lr}`)),
        make("th", { scope: "col" }, "rate")
      )
    ),
    make(
      "tbody",
      {},
      trained.map((row) =>
        make(
          "tr",
          { class: kindOf(row) },
          head(row),
          cells(row),
          make(
            "td",
            { title: row.rate.at_edge ? "the least or the greatest that was tried" : why[row.rate.by] },
            `${row.rate.lr}${row.rate.at_edge ? "*" : ""}`,
            why[row.rate.by] ? make("span", { class: "between" }, why[row.rate.by]) : null
          )
        )
      )
    )
  );
}

// ---- with noise ----
const hue = (at, of) => `hsl(${Math.round((360 * at) / of + 200) % 360} 62% var(--noise-light))`;
function drawNoiseCurves(heard, levels, shown, at) {
  const steps = [null, ...levels], colours = new Map(heard.map((row, place) => [row, hue(place, heard.length)]));
  byId("noise-key").replaceChildren(
    ...heard.map((row) =>
      make(
        "span",
        {},
        make("span", { class: "stroke", style: `border-color: ${colours.get(row)}` }),
        plainLabel(row)
      )
    )
  );
  byId("noise-curves").replaceChildren(
    ...shown.map((column) => noiseFigure(column, heard, steps, at, colours))
  );
}
function noiseFigure(column, heard, steps, at, colours) {
  const wide = 300, tall = 176, left = 34, right = wide - 8, top = 8, floor = 146,
    values = heard.flatMap((row) => steps.map((level) => at(row, level, column.name))).filter(known),
    low = Math.min(...values), high = Math.max(...values), pad = (high - low || 0.1) * 0.06,
    x = scale(0, steps.length - 1, left + 8, right - 8), y = scale(low - pad, high + pad, floor, top),
    svg = make("svg", {
      viewBox: `0 0 ${wide} ${tall}`,
      role: "img",
      "aria-label": `${column.title} with noise`
    }),
    { ticks, places } = niceTicks(low - pad, high + pad, 4);
  for (const tick of ticks)
    svg.append(
      line(left, y(tick), right, y(tick), "axis"),
      make("text", { x: left - 5, y: y(tick) + 3.5, "text-anchor": "end" }, digits(tick, places))
    );
  steps.forEach((level, place) =>
    svg.append(
      make(
        "text",
        { x: x(place), y: floor + 14, "text-anchor": "middle" },
        level === null ? "clean" : `${digits(level, 0)} dB`
      )
    )
  );
  for (const row of heard) {
    const points = steps.map((level, place) => [place, at(row, level, column.name)]);
    svg.append(
      make(
        "path",
        {
          d: path(points.map(([place, value]) => [x(place), known(value) ? y(value) : null])),
          class: "curve",
          style: `stroke: ${colours.get(row)}`
        },
        make("title", {}, plainLabel(row))
      ),
      ...points
        .filter(([, value]) => known(value))
        .map(([place, value]) =>
          make(
            "circle",
            { cx: x(place), cy: y(value), r: 2.6, style: `fill: ${colours.get(row)}` },
            make("title", {}, `${plainLabel(row)}: ${digits(value, column.digits)}`)
          )
        )
    );
  }
  return make("figure", {}, make("figcaption", {}, make("strong", {}, titled(column))), svg);
}
