// Clips and recordings: dropped, dreamed, recorded, downloaded.

import { $, clock, download, make, stamp, toast } from "./dom.js";
import { openTab } from "./controls.js";

export class Clips {
  #link;
  #camera;
  #stage;
  #limits = {};
  #name = "clip";
  #previewUrl = "";
  #timer = 0;
  onStart = () => {};

  constructor(link, camera, stage) {
    this.#link = link;
    this.#camera = camera;
    this.#stage = stage;
    $("clip-file").onchange = (event) => this.dream(event.target.files[0]);
    $("veil-choose").onclick = () => $("clip-file").click();
    $("clip-cancel").onclick = () => link.say({ type: "cancel" });
    $("record").onclick = () => this.record();
  }

  begin(hello) {
    this.#limits = hello.limits;
    if (!hello.again) return;
    // The server reports again what is in progress; after it closed this session, nothing is.
    $("clip-card").hidden = true;
    this.#showRecording(false);
  }

  async dream(file) {
    $("clip-file").value = "";
    if (!file || !this.#link.isOpen) return;
    if (file.size > this.#limits.upload) {
      toast(`${file.name} has ${Math.round(file.size / 1e6)} MB; up to ${Math.round(this.#limits.upload / 1e6)} MB are accepted`);
      return;
    }
    if (!$("clip-card").hidden) return toast("a clip is being dreamed; wait for it, or cancel it");
    this.#name = file.name.replace(/\.[^.]*$/, "") || "clip";
    this.#showCard(`Sending ${file.name}`, 0);
    $("clip-preview").hidden = $("clip-cancel").hidden = true;
    openTab("clips");
    $("clip-card").scrollIntoView({ block: "nearest" });
    try {
      await this.#link.upload("clip", file, (share) => this.#showCard(`Sending ${file.name}`, share));
      this.onStart();
    } catch (error) {
      $("clip-card").hidden = true;
      toast(error.message);
    }
  }

  hear(said) {
    if (said.type === "clip") this.#hearClip(said);
    else if (said.type === "recording") this.#hearRecording(said);
    else if (said.type === "gif") this.#hearGif(said);
  }

  #hearClip({ state, frames, total, seconds_left, file, seconds, warning, error }) {
    $("clip-cancel").hidden = false;
    if (state === "waiting") this.#showCard("Waiting for the clip of another page", null);
    else if (state === "working") {
      const left = seconds_left == null ? "" : `, about ${clock(seconds_left)} left`;
      const of = total ? `frame ${frames} of ${total}` : `frame ${frames}`;
      this.#showCard(frames ? `Dreaming: ${of}${left}` : "Starting to dream", total ? frames / total : null);
    } else {
      $("clip-card").hidden = true;
      if (state === "done") this.#add(file, `${this.#name}-dream`, seconds);
      else if (state === "failed") toast(error);
      if (warning) toast(warning);
    }
  }

  preview(data) {
    if (!this.#camera.isOn) this.#stage.show(data);
    URL.revokeObjectURL(this.#previewUrl);
    this.#previewUrl = URL.createObjectURL(new Blob([data], { type: "image/jpeg" }));
    const picture = $("clip-preview");
    // The first one makes the card higher than it was when it came into view.
    picture.onload = picture.hidden ? () => $("clip-card").scrollIntoView({ block: "nearest" }) : null;
    Object.assign(picture, { src: this.#previewUrl, hidden: false });
  }

  #showCard(words, share) {
    $("clip-card").hidden = false;
    $("clip-words").textContent = words;
    if (share === null) $("clip-bar").removeAttribute("value");
    else $("clip-bar").value = share;
  }

  // Recording

  record() {
    if ($("record").disabled) return;
    this.#link.say({ type: "record", on: $("record").getAttribute("aria-pressed") !== "true" });
  }

  #hearRecording({ state, file, seconds, error }) {
    this.#showRecording(state === "on");
    if (state === "done") {
      this.#add(file, `dream-${stamp()}`, seconds);
      openTab("clips");
    } else if (state === "failed") toast(error);
  }

  #showRecording(on) {
    $("record").setAttribute("aria-pressed", String(on));
    $("record").lastElementChild.textContent = on ? "Stop" : "Record";
    $("clock").hidden = !on;
    clearInterval(this.#timer);
    const begun = performance.now();
    const tick = () => ($("clock").textContent = clock((performance.now() - begun) / 1000));
    tick();
    if (on) this.#timer = setInterval(tick, 500);
  }

  // Finished files

  #add(file, name, seconds) {
    const url = this.#link.fileUrl(file);
    const isPicture = file.endsWith(".jpg");
    const kind = isPicture ? "JPEG" : "MP4";
    const view = isPicture
      ? make("img", { src: url, alt: "The dreamed picture" })
      : make("video", { src: url, muted: true, loop: true, playsInline: true, controls: true, preload: "metadata" });
    const save = make("a", { className: "main", href: url, download: `${name}.${isPicture ? "jpg" : "mp4"}`, textContent: `Save ${kind}` });
    const row = make("div", { className: "row" }, save);
    if (!isPicture) row.append(this.#gifButton(file, name));
    const words = isPicture ? name : `${name}, ${clock(seconds)}`;
    const item = make("li", {}, view, make("span", { textContent: words }), row);
    item.dataset.film = file;
    $("made").prepend(item);
    if (!this.#camera.isOn) this.#showOnStage(url, isPicture);
    else item.scrollIntoView({ block: "nearest" });
  }

  #showOnStage(url, isPicture) {
    const film = $("film");
    film.hidden = isPicture;
    if (isPicture) return fetch(url).then((answer) => answer.arrayBuffer()).then((data) => this.#stage.show(data));
    film.src = url;
    film.play().catch(() => {});
  }

  #gifButton(file, name) {
    const button = make("button", { className: "quiet", textContent: "Save GIF" });
    button.dataset.name = `${name}.gif`;
    button.onclick = () => {
      Object.assign(button, { disabled: true, textContent: "Making GIF …" });
      this.#link.say({ type: "gif", file });
    };
    return button;
  }

  #hearGif({ film, file, error }) {
    const button = $("made").querySelector(`li[data-film="${CSS.escape(film)}"] button`);
    if (!button) return;
    Object.assign(button, { disabled: false, textContent: "Save GIF" });
    if (error) return toast(error);
    download(this.#link.fileUrl(file), button.dataset.name);
  }
}
