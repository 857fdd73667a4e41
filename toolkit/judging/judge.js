const data = JSON.parse(byId("data").textContent);
const W = 66, H = 40, TOP = 4, FLOOR = 36;
const KINDS = [
  ["Audio", (harm) => !harm.harmless && harm.changes !== "images"],
  ["Frames", (harm) => !harm.harmless && harm.changes === "images"],
  ["Harmless", (harm) => harm.harmless]
];
const columns = KINDS.flatMap(([kind, chosen]) =>
  Object.entries(data.harms)
    .filter(([, harm]) => chosen(harm))
    .map(([name, harm], place) => ({ kind, name, starts: place === 0, ...harm }))
);
const plainTitle = (harm) => harm.title.replace(/,$/, "");
const perhapsChance = (answer) =>
  ["worse", "better"].includes(answer.verdict) && known(answer.p_corrected) && answer.p_corrected > 0.05;
const rounded = (value, places) => (known(value) ? digits(value, places) : "–");

function stepWords(harm, answer) {
  return harm.unit ? `${answer.step} ${harm.unit}` : plainTitle(harm);
}

function told(metric, harm, answer) {
  const missing = Object.entries(answer.missing).map(([reason, count]) => `${count} × ${reason}`).join("; ");
  const parts = [
    `${metric.title}, ${plainTitle(harm)} ${harm.unit ? stepWords(harm, answer) : ""}: ${answer.verdict}`
      + (perhapsChance(answer) ? ", perhaps by chance" : ""),
    `AUC ${rounded(answer.auc, 2)}, effect ${rounded(answer.effect, 2)}`,
    `mean ${rounded(answer.mean, metric.digits)} (clean ${rounded(answer.clean_mean, metric.digits)})`,
    `${counted(answer.clips, "clip")}${missing ? "; without: " + missing : ""}`
  ];
  return parts.join("\n");
}

function cell(metric, harm, curve) {
  if (curve.cannot) return make("span", { class: "cannot" }, curve.cannot);
  const y = scale(0, 1, FLOOR, TOP);
  const last = curve.answers.length - 1;
  const x = (place) => (last ? 6 + (place / last) * (W - 12) : W / 2);
  const name = `${metric.title}, ${plainTitle(harm)}: ` + curve.answers
    .map((answer) => `${stepWords(harm, answer)} AUC ${rounded(answer.auc, 2)} ${answer.verdict}`).join("; ");
  const svg = make("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": name });
  svg.append(line(2, y(0.5), W - 2, y(0.5), "half"));
  const points = curve.answers.map((answer, place) => [x(place), known(answer.auc) ? y(answer.auc) : null]);
  svg.append(make("path", { d: path(points), class: "run" }));
  curve.answers.forEach((answer, place) => {
    if (!known(answer.auc)) return;
    svg.append(
      make("circle", { cx: x(place), cy: y(answer.auc), r: 2.8, class: `${answer.verdict} ${perhapsChance(answer) ? "chance" : ""}` },
        make("title", {}, told(metric, harm, answer)))
    );
  });
  if (points.every(([, at]) => at === null)) return make("span", { class: "cannot" }, "too few clips");
  return svg;
}

function drawMatrix() {
  const kinds = KINDS.map(([kind]) => [kind, columns.filter((harm) => harm.kind === kind).length]);
  const head = make("thead", {},
    make("tr", { class: "kinds" }, make("th", {}),
      kinds.filter(([, count]) => count).map(([kind, count]) =>
        make("th", { colspan: count, class: "starts", scope: "colgroup" }, kind))),
    make("tr", {}, make("th", {}, "metric"), columns.map((harm) =>
      make("th", { scope: "col", class: harm.starts ? "starts" : "" }, plainTitle(harm),
        harm.unit ? make("span", { class: "unit" }, ` ${harm.steps.join(" · ")} ${harm.unit}`) : null))));
  const rows = data.metrics.map((metric) => make("tr", {},
    make("th", { scope: "row" }, metric.title, make("span", { class: "arrow" }, metric.arrow && ` ${metric.arrow}`)),
    columns.map((harm) => make("td", { class: `${harm.starts ? "starts" : ""} ${harm.harmless ? "alarm" : ""}` },
      cell(metric, harm, metric.curves.find((curve) => curve.harm === harm.name))))));
  byId("matrix").append(head, make("tbody", {}, rows));
}

function drawLegend() {
  const key = (name, words, alarm) => [
    make("span", { class: alarm ? "alarm" : "" },
      make("svg", { viewBox: "0 0 12 12" }, make("circle", { cx: 6, cy: 6, r: 4, class: name }))), words];
  byId("legend").append(
    ...["worse", "better", "unmoved"].flatMap((name) =>
      key(name, { worse: "called worse", better: "called better", unmoved: "no clear answer" }[name])),
    ...key("worse chance", "clear alone, perhaps chance among all answers of this page"),
    ...key("worse", "an answer to what is harmless: a false alarm", true));
}

const fact = (name, words) => [make("dt", {}, name), make("dd", {}, words)];
byId("lead").textContent =
  `${counted(data.metrics.length, "number")} of speechlip ${data.speechlip} on ${counted(data.clips.length, "clip")}, `
  + `the first ${data.options.seconds} s of each, harmed in known steps; every copy scored against its clean copy.`;
byId("facts").append(
  ...fact("clips", data.clips.join(", ")),
  ...(Object.keys(data.refused).length
    ? fact("not read", Object.entries(data.refused).map(([clip, why]) => `${clip}: ${why}`).join("; ")) : []),
  ...(data.foreign ? fact("another's audio", `${Object.entries(data.foreign.audio_of)
    .map(([clip, other]) => `${clip} ← ${other}`).join(", ") || "no other speaker"}; other speakers told by `
    + [data.foreign.told_by.join(", "), ...data.foreign.problems].join("; ")) : []),
  ...fact("faces by", data.options.detector),
  ...(data.sync_model ? fact("lip sync by", data.sync_model.name
    + (data.sync_model.is_lse && !data.sync_model.official
      ? " with weights that are not the official ones: its numbers mean nothing" : "")) : []),
  ...Object.entries(data.models).flatMap(([file, sha256]) =>
    fact("model file", [file, " ", make("code", { class: "soft" }, sha256)])),
  ...Object.entries(data.missing_metrics).flatMap(([family, why]) => fact(`no ${family}`, why)),
  ...fact("command", make("code", {}, data.command)));
drawLegend();
drawMatrix();
for (const metric of data.metrics)
  byId("said").append(make("section", {},
    make("h3", {}, metric.title, make("span", { class: "unit" }, metric.unit ? ` ${metric.unit}` : "", ` ${metric.arrow}`)),
    make("p", {}, metric.words)));
byId("foot").textContent = "Numbers: judge.csv and judge.json; every copy's value: values.csv.";
