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
  drawMixes(rows);
  drawNoise(rows);
  drawAmbiguity(rows);
  drawRendered(rows);
  drawRates(rows);
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
