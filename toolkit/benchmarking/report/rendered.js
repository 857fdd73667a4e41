// ---- what encoders render ----
function drawRendered(rows) {
  const answer = data.render, columns = data.render_columns,
    shown = rows.filter((row) => columns.some((column) => row.render[column.name]));
  byId("rendered").hidden = !answer;
  if (!answer) return;
  byId("render-answer").textContent = data.render_words;
  byId("render-table").replaceChildren(
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("th", { scope: "col" }, "encoder"),
        make("th", { scope: "col" }, titled(columnOf.pair_auc)),
        columns.map((column) => make("th", { scope: "col" }, titled(column)))
      )
    ),
    make("tbody", {}, shown.map((row) => renderedRow(row, columns)))
  );
  const points = shown.filter(
    (row) =>
      row.mode !== "as trained" && known(scoreOf(row, "pair_auc").value) && known(row.render.render_lmd.value)
  );
  byId("render-plot").replaceChildren(...(points.length ? [renderFigure(points)] : []));
}
function renderedRow(row, columns) {
  const cell = (score, places) =>
    known(score.value)
      ? make(
          "td",
          {},
          digits(score.value, places),
          known(score.ci_low)
            ? make("span", { class: "between" }, `${digits(score.ci_low, places)} … ${digits(score.ci_high, places)}`)
            : null
        )
      : make("td", {}, dash(score.reason || "not measured"));
  return make(
    "tr",
    { class: kindOf(row) },
    head(row),
    cell(scoreOf(row, "pair_auc"), 3),
    columns.map((column) => cell(row.render[column.name], column.digits))
  );
}
function renderFigure(rows) {
  const wide = 560, left = 44, right = 370, top = 10, floor = Math.max(200, 14 * rows.length), tall = floor + 40,
    at = rows.map((row) => [row.scores.pair_auc.value, row.render.render_lmd.value]),
    ends = (axis) => {
      const values = at.map((point) => point[axis]), low = Math.min(...values), high = Math.max(...values),
        pad = (high - low || 0.1) * 0.12;
      return [low - pad, high + pad];
    },
    x = scale(...ends(0), left, right), y = scale(...ends(1), floor, top),
    svg = make("svg", {
      viewBox: `0 0 ${wide} ${tall}`,
      role: "img",
      "aria-label": "Rendered LMD over pair AUC, one point an encoder"
    }),
    across = niceTicks(...ends(0), 5), up = niceTicks(...ends(1), 4);
  for (const tick of up.ticks)
    svg.append(
      line(left, y(tick), right, y(tick), "axis"),
      make("text", { x: left - 5, y: y(tick) + 3.5, "text-anchor": "end" }, digits(tick, up.places))
    );
  for (const tick of across.ticks)
    svg.append(make("text", { x: x(tick), y: floor + 14, "text-anchor": "middle" }, digits(tick, across.places)));
  svg.append(
    make("text", { x: (left + right) / 2, y: tall - 6, "text-anchor": "middle" }, "pair AUC"),
    make("text", { x: 4, y: top + 4 }, "LMD")
  );
  // Names stand to the right, in the order of their points, with a line to each.
  const order = rows.map((_, place) => place).sort((one, other) => at[other][1] - at[one][1]);
  order.forEach((place, rank) => {
    const row = rows[place], [auc, lmd] = at[place], beside = top + 4 + 14 * rank;
    svg.append(
      make(
        "g",
        { class: kindOf(row) },
        line(x(auc) + 5, y(lmd), right + 10, beside, "axis"),
        make("circle", { cx: x(auc), cy: y(lmd), r: 4, class: "dot" }, make("title", {}, plainLabel(row))),
        make(
          "text",
          { x: right + 14, y: beside + 3.5 },
          row.label.length > 26 ? row.label.slice(0, 25) + "…" : row.label
        )
      )
    );
  });
  return svg;
}
