// ---- table and cards ----
const undecided = (row) => (row.offset_verdict || "").startsWith("undecided");
const doubtful = (row, column) => column.name === "offset_frames" && undecided(row);
const value = (row, column) =>
  doubtful(row, column)
    ? make("abbr", { class: "missing", title: row.offset_verdict }, shown(column, row[column.name]) + " ?")
    : known(row[column.name])
      ? shown(column, row[column.name])
      : make("abbr", { class: "missing", title: whyMissing(row, column) }, "—");
const state = (row) => make("span", { class: `state ${row.status}` }, row.status);

function drawTable(list) {
  const heads = columns.map((column) => {
    const on = column.name === order.by;
    const sorted = !on
      ? null
      : column.higher === null
        ? "other"
        : column.higher === order.worst
          ? "ascending"
          : "descending";
    return make(
      "th",
      { scope: "col", "aria-sort": sorted },
      make(
        "a",
        { href: address(column.name, on ? !order.worst : true) },
        ...titled(column),
        on ? (order.worst ? "\u00a0▾" : "\u00a0▴") : ""
      )
    );
  });
  const rows = list.map((clip, place) =>
    make(
      "tr",
      { "data-clip": clip.name },
      make(
        "td",
        {},
        make("button", { class: "link", type: "button", onclick: () => jump(place) }, clip.name)
      ),
      columns.map((column) =>
        make("td", { class: column.name === order.by ? "on" : "" }, value(clip.row, column))
      ),
      make(
        "td",
        { class: "words" },
        state(clip.row),
        reasons(clip.row).map((words) => make("div", { class: "small soft" }, words))
      )
    )
  );
  byId("clips").replaceChildren(
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("th", { scope: "col" }, "clip"),
        heads,
        make("th", { scope: "col", class: "words" }, "status")
      )
    ),
    make("tbody", {}, rows)
  );
}

function filmstrip(detail) {
  if (!detail.strip_render) return null;
  const picture = (what, code) => [
    make("span", {}, what),
    code
      ? make("img", {
          src: "data:image/jpeg;base64," + code,
          alt: `mouths of the ${what}`,
          width: 96 * detail.strip_frames.length,
          height: 96
        })
      : make("span", {}, detail.reference_unseen || "none")
  ];
  return make(
    "div",
    { class: "strip" },
    ...picture("render", detail.strip_render),
    ...picture("reference", detail.strip_reference),
    make("span", {}, "seconds"),
    make(
      "div",
      { class: "times" },
      detail.strip_frames.map((frame) => make("span", {}, digits(frame / FPS, 2)))
    )
  );
}
function numbers(clip) {
  return make("dl", { class: "numbers" }, columns.map((column) => {
    const there = known(clip.row[column.name]);
    return make(
      "div",
      { class: column.name === order.by ? "on" : "" },
      make("dt", {}, ...titled(column)),
      make(
        "dd",
        { class: there ? "" : "none" },
        there ? shown(column, clip.row[column.name]) : whyMissing(clip.row, column),
        column.name === "offset_frames" && there
          ? make("span", { class: "unit" }, `  ${digits(FRAME_MS * clip.row.offset_frames, 0)} ms`)
          : null,
        known(clip.row[column.real])
          ? make("span", { class: "unit" }, "\u00a0 real " + shown(column, clip.row[column.real]))
          : null
      )
    );
  }));
}
function trackTable(clip) {
  if (!clip.tracks.length) return null;
  const mine = columns.filter((column) => clip.tracks.some((row) => known(row[column.name])));
  return make(
    "table",
    { class: "tracks" },
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("th", {}, "track"),
        mine.map((column) => make("th", {}, ...titled(column))),
        make("th", { class: "words" }, "status")
      )
    ),
    make(
      "tbody",
      {},
      clip.tracks.map((row) =>
        make(
          "tr",
          {},
          make("td", {}, row.track),
          mine.map((column) => make("td", {}, value(row, column))),
          make("td", { class: "words" }, state(row), " " + reasons(row).join("; "))
        )
      )
    )
  );
}
function about(clip) {
  const { detail, row } = clip, said = [detail.reference ? `reference ${detail.reference}` : "no reference"];
  if (detail.driving_audio) said.push(`sound of ${detail.driving_audio}`);
  if (detail.sound === "none") said.push("no sound");
  said.push(counted(detail.frames, "frame"));
  if (known(row.frames_compared)) said.push(`landmarks compared in ${row.frames_compared}`);
  if (known(row.pictures_compared)) said.push(`pictures measured in ${row.pictures_compared}`);
  const low = row.lse_ci_low ?? row.sync_ci_low, high = row.lse_ci_high ?? row.sync_ci_high;
  if (known(low))
    said.push(
      `${known(row.lse_ci_low) ? "LSE-C" : "confidence"} unpadded 95 % interval `
        + `${digits(low, 3)} … ${digits(high, 3)} from ${counted(row.windows, "window")}`
    );
  if (known(detail.codec_delay_ms) && detail.codec_delay_ms !== 0)
    said.push(
      `protocol and frame rate made the sound ${digits(Math.abs(detail.codec_delay_ms), 1)} ms `
        + (detail.codec_delay_ms > 0 ? "later" : "earlier")
    );
  if (row.protocol) said.push(`protocol ${row.protocol}`);
  return make("p", { class: "about" }, said.concat(detail.notes || []).join(" · "));
}
function card(clip, place) {
  return make(
    "article",
    { class: "card", id: `clip-${place}`, "data-clip": clip.name },
    make(
      "div",
      { class: "card-head" },
      make("h3", {}, make("span", { class: "place" }, String(place + 1)), clip.name),
      state(clip.row)
    ),
    numbers(clip),
    clip.row.offset_verdict ? make("p", { class: "small soft" }, "Offset: " + clip.row.offset_verdict) : null,
    filmstrip(clip.detail)
      || make(
        "p",
        { class: "soft small" },
        clip.detail.frames ? "No filmstrip: no face was followed." : "No filmstrip: no picture could be read."
      ),
    make("div", { class: "trio" }, offsetCurve(clip), confidence(clip), lmdOverTime(clip)),
    trackTable(clip),
    about(clip)
  );
}
let sorted = [];
function drawCards(upTo) {
  const there = byId("cards").childElementCount;
  byId("cards").append(...sorted.slice(there, upTo).map((clip, i) => card(clip, there + i)));
  const left = sorted.length - byId("cards").childElementCount;
  byId("more").hidden = !left;
  byId("more").textContent = `Show ${Math.min(PAGE_OF_CARDS, left)} more of ${left}`;
}
function jump(place) {
  drawCards(Math.max(place + 1, byId("cards").childElementCount));
  byId(`clip-${place}`).scrollIntoView({ block: "start" });
}
function draw() {
  readAddress();
  sorted = ordered();
  byId("by").value = order.by;
  byId("turn").textContent = order.worst ? "worst first" : "best first";
  drawTable(sorted);
  byId("cards").replaceChildren();
  drawCards(PAGE_OF_CARDS);
}

drawHeader();
if (ofMouths(data.sync_model))
  byId("curves").textContent =
    "Offset curve: correlation of the mouth with what its audio foretells, when the audio is that many frames "
    + "early; its highest point is the measured offset.";
drawSummary();
drawSubgroups();
drawOpinions();
drawSets();
drawPublished(data.published);
drawSpread();
byId("by").append(...columns.map((column) => make("option", { value: column.name }, column.title)));
byId("by").addEventListener("change", (event) => {
  location.hash = address(event.target.value, order.worst);
});
byId("turn").addEventListener("click", () => { location.hash = address(order.by, !order.worst); });
byId("more").addEventListener("click", () => drawCards(byId("cards").childElementCount + PAGE_OF_CARDS));
addEventListener("hashchange", draw);
byId("foot").append(
  `Made by speechlip ${data.speechlip}. The numbers of this page are those of scores.json beside it; `
    + "what each one means is in docs/protocols.md."
);
draw();
