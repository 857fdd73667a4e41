// ---- one clip ----
class Card {
  constructor(clip) {
    this.clip = clip;
    this.time_s = 0;
    this.rate = 1;
    this.dots = false;
    this.element = this.build();
  }

  build() {
    const clip = this.clip;
    return make(
      "article",
      { class: "clip", id: "clip-" + clip.key, "data-clip": clip.key },
      make(
        "div",
        { class: "clip-head" },
        make("h3", {}, text(clip.speaker || "no speaker")),
        make("a", { href: anchorOf(clip), title: "a link to this clip" }, make("code", {}, clip.key)),
        make(
          "span",
          { class: "place" },
          [clip.split, clip.detector, `${two(seconds(clip))} s`].filter(Boolean).join(" · ")
        )
      ),
      clip.transcript ? make("p", { class: "said" }, "“", text(clip.transcript), "”") : null,
      clip.quality.length ? make("p", { class: "quality" }, clip.quality.join(" · ")) : null,
      make(
        "div",
        { class: "stage" },
        this.player(),
        (this.lane = make("div", { class: "lanes" }, this.lanes()))
      ),
      this.pairs(),
      make(
        "details",
        {},
        make("summary", {}, "Metadata"),
        make(
          "dl",
          { class: "facts" },
          clip.meta.flatMap(([name, value]) => [
            make("dt", {}, name),
            make("dd", {}, value === "" ? "—" : text(value))
          ])
        )
      )
    );
  }

  player() {
    this.mouth = make("canvas", {
      width: 148,
      height: 148,
      role: "img",
      "aria-label": "the mouth at the cursor",
      onclick: () => this.toggle()
    });
    this.button = make("button", { type: "button", class: "play", onclick: () => this.toggle() }, "▶ Play");
    const speed = make("button", { type: "button", title: "Speed", onclick: () => this.slower(speed) }, "1×");
    const dots = make(
      "button",
      {
        type: "button",
        title: "Mouth points",
        "aria-pressed": "false",
        onclick: () => this.togglePoints(dots)
      },
      "⁘"
    );
    this.clock = make("div", { class: "clock" });
    return make(
      "div",
      { class: "player" },
      this.mouth,
      make("div", { class: "controls" }, this.button, speed, this.clip.points ? dots : null),
      this.clock
    );
  }

  lanes() {
    const clip = this.clip;
    this.film = make("canvas", { class: "lane film" });
    this.spectrum = make("img", {
      class: "lane spectrum",
      alt: "spectrogram, 0 to 8 kHz",
      src: "data:image/webp;base64," + clip.spectrum
    });
    this.curve = clip.points ? make("canvas", { class: "lane opening" }) : null;
    this.cursor = make("div", { class: "cursor" });
    this.phones = (clip.phones || []).map(([start_s, end_s, phone]) =>
      make(
        "span",
        {
          style: `left:${percent(start_s * FPS, clip)};width:${percent((end_s - start_s) * FPS, clip)}`,
          title: phone
        },
        phone === "SIL" ? "" : phone
      )
    );
    const tagged = (words) => make("span", { class: "tag-left" }, make("span", {}, words));
    this.track = make(
      "div",
      {
        class: "track",
        tabindex: "0",
        role: "slider",
        "aria-label": "time in the clip",
        "aria-valuemin": "0",
        "aria-valuemax": two(seconds(clip))
      },
      this.film,
      this.curve ? make("div", { class: "opening-lane" }, tagged("mouth opening"), this.curve) : null,
      make("div", { class: "spectrum-lane" }, tagged(clip.bins === 80 ? "80 mels" : "8 kHz"), this.spectrum),
      this.heard(),
      clip.phones ? make("div", { class: "lane phones" }, this.phones) : null,
      this.marks(),
      this.axis(),
      this.cursor
    );
    this.listen();
    return this.track;
  }

  listen() {
    const seek = (event) => {
      const rim = this.track.getBoundingClientRect();
      this.seek(timeAt(event.clientX - rim.left, rim.width, this.clip));
    };
    this.track.addEventListener("pointerdown", (event) => { this.held = true; seek(event); });
    this.track.addEventListener("pointermove", (event) => { if (this.held && event.buttons) seek(event); });
    addEventListener("pointerup", () => { this.held = false; });
    this.track.addEventListener("dblclick", () => this.zoom());
    this.track.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (steps) this.seek((frameAt(this.time_s, this.clip) + steps + 0.5) / FPS);
      else if (event.key === " ") this.toggle();
      else return;
      event.preventDefault();
    });
  }

  heard() {  // where somebody speaks; empty where nobody does, absent where nobody listened
    const clip = this.clip;
    if (!clip.heard) return null;
    const spans = clip.heard.map(([start_s, end_s]) =>
      make("span", {
        style: `left:${percent(start_s * FPS, clip)};width:${percent((end_s - start_s) * FPS, clip)}`,
        title: `speech, ${two(start_s)}–${two(end_s)} s`
      })
    );
    return make("div", { class: "lane heard", title: spans.length ? "speech" : "nobody speaks" }, spans);
  }

  // Windows of lips with their numbers; hollow: speech of the same clip that they are wrongly paired with.
  marks() {
    const clip = this.clip,
      place = (start, pair) => `left:${percent(start, clip)};width:${percent(pair[3], clip)}`;
    const marks = windowsOf(clip).flatMap(([start, pairs], number) => [
      make("span", { class: "lips", style: place(start, pairs[0]) }, String(number + 1)),
      ...pairs
        .filter((pair) => pair[4] === "shift")
        .map((pair) =>
          make(
            "span",
            { class: "apart", style: place(pair[2], pair), title: `shifted speech of window ${number + 1}` },
            String(number + 1)
          )
        )
    ]);
    return marks.length ? make("div", { class: "lane marks" }, marks) : null;
  }

  axis() {
    const { ticks, places } = niceTicks(0, seconds(this.clip), 8), end = seconds(this.clip);
    return make(
      "div",
      { class: "lane axis-lane" },
      ticks
        .filter((tick) => tick <= end)
        .map((tick) =>
          make(
            "span",
            { style: `left:${percent(tick * FPS, this.clip)}`, class: tick > 0.97 * end ? "end" : null },
            digits(tick, places) + (tick ? "" : " s")
          )
        )
    );
  }

  pairs() {
    const windows = windowsOf(this.clip);
    if (!windows.length) return null;
    this.drawPairs = [];
    return make("div", { class: "pairs" }, windows.map(([start, pairs], number) => {
      const lips = make("canvas", {}), length = pairs[0][3];
      this.drawPairs.push(() => drawWindowOfLips(lips, this.sheet, start, length));
      return make(
        "div",
        { class: "pair" },
        make(
          "button",
          {
            type: "button",
            title: "to this window",
            onclick: () => {
              stop();
              this.seek((start + 0.5) / FPS);
            }
          },
          lips
        ),
        make("p", {}, make("b", {}, String(number + 1)), ` lips, ${two(start / FPS)} s`),
        pairs.map((pair) => this.speech(pair))
      );
    }));
  }

  speech([, key, start, length, kind, offset]) {
    const partner = clipOf.get(key), stored = speechElsewhere.get(`${key}/${start}`);
    const canvas =
      partner || stored
        ? make("canvas", {})
        : make("div", { class: "void" }, "speech of a clip that is not here");
    if (partner)
      this.drawPairs.push(() =>
        spectrumOf(partner).then((image) =>
          drawWindowOfSpeech(canvas, image, start / partner.frames, length / partner.frames)
        )
      );
    else if (stored)
      this.drawPairs.push(() => picture(stored).then((image) => drawWindowOfSpeech(canvas, image, 0, 1)));
    const whose =
      kind === "positive"
        ? " its speech"
        : kind === "shift"
          ? ` speech ${offset > 0 ? "+" : ""}${two(offset / FPS)} s`
          : [" speech of ", text(partner ? partner.speaker : key), `, ${two(start / FPS)} s`];
    return make(
      "div",
      { class: kind === "positive" ? "own" : "apart", "data-kind": kind },
      canvas,
      make("p", {}, make("b", {}, kind), whose)
    );
  }

  paint() { return (this.painted ||= this.firstPaint()); }

  async firstPaint() {
    this.sheet = await sheetOf(this.clip);
    this.draw();
    new ResizeObserver(() => this.draw()).observe(this.track);
    this.at(this.time_s);
  }

  paintForPaper() {  // a page that is printed waits for nothing
    const { image } = sheetOf(this.clip);
    if (!image.complete) return;
    this.sheet = image;
    this.tileForPaper();
    this.draw();
    this.at(this.time_s);
  }

  draw() {
    drawFilm(this.film, this.sheet, this.clip);
    if (this.curve) drawOpening(this.curve, this.clip);
    for (const draw of this.drawPairs || []) draw();
  }

  at(time_s) {  // show this time; the sound is elsewhere
    const clip = this.clip, frame = frameAt(time_s, clip);
    this.time_s = time_s;
    this.cursor.style.left = percent(time_s * FPS, clip);
    if (playing === this)
      this.lane.scrollLeft = (this.track.clientWidth * time_s) / seconds(clip) - this.lane.clientWidth / 2;
    this.track.setAttribute("aria-valuenow", two(time_s));
    this.clock.replaceChildren(
      make("strong", {}, two(time_s)),
      ` of ${two(seconds(clip))} s · frame ${frame}`
    );
    this.phones.forEach((span, place) =>
      span.classList.toggle("now", clip.phones[place][0] <= time_s && time_s < clip.phones[place][1])
    );
    if (this.sheet) this.drawNow(frame);
  }

  drawNow(frame) {
    const side = this.mouth.clientWidth || 148, pen = sized(this.mouth, side, side), size = this.mouth.width;
    drawMouth(pen, this.sheet, frame, 0, 0, size, size);
    if (!this.dots) return;
    const bytes = mouthPoints(this.clip), unit = size / 192;
    pen.fillStyle = "#7df9ff";
    for (let at = frame * 40; at < frame * 40 + 40; at += 2) {
      pen.beginPath();
      pen.arc(bytes[at] * unit, bytes[at + 1] * unit, 1.6 * (size / side), 0, 7);
      pen.fill();
    }
  }

  seek(time_s) {
    this.at(Math.min(seconds(this.clip), Math.max(0, time_s)));
    if (playing === this) sound.currentTime = this.time_s;
  }

  shows(words) { this.button.textContent = words; }
  toggle() { if (playing === this) stop(); else { this.paint(); play(this); } }
  slower(button) {
    this.rate = { 1: 0.5, 0.5: 0.25, 0.25: 1 }[this.rate];
    button.textContent = { 1: "1×", 0.5: "½×", 0.25: "¼×" }[this.rate];
    if (playing === this) sound.playbackRate = this.rate;
  }
  togglePoints(button) {
    this.dots = !this.dots;
    button.classList.toggle("on", this.dots);
    button.setAttribute("aria-pressed", String(this.dots));
    this.at(this.time_s);
  }
  zoom() { this.track.style.width = this.track.style.width ? "" : `${this.clip.frames * TILE}px`; }
}

function windowsOf(clip) {  // [lips start, its pairs], in order of time, the positive first
  const windows = new Map();
  for (const pair of data.pairs[clip.key] || [])
    windows.set(pair[0], [...(windows.get(pair[0]) || []), pair]);
  return [...windows]
    .sort((one, other) => one[0] - other[0])
    .map(([start, pairs]) => [
      start,
      pairs.sort((one, other) => (other[4] === "positive") - (one[4] === "positive"))
    ]);
}
function drawWindowOfLips(canvas, sheet, start, length) {
  const { width, height } = canvas.getBoundingClientRect(),
    pen = sized(canvas, width, height),
    wide = canvas.width / length;
  for (let frame = 0; frame < length; frame += 1)
    drawMouth(pen, sheet, start + frame, frame * wide, 0, wide, canvas.height);
}
function drawWindowOfSpeech(canvas, image, from, share) {
  const { width, height } = canvas.getBoundingClientRect(), pen = sized(canvas, width, height);
  pen.drawImage(
    image,
    from * image.width,
    0,
    share * image.width,
    image.height,
    0,
    0,
    canvas.width,
    canvas.height
  );
}
