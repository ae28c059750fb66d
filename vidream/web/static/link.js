// The socket: frames up, dreams down, and messages both ways.
// Events: "state" {state}, "picture" {data}, "preview" {data}, "said" {a message}.

const LIVE = 1;
const MOST_AHEAD = 4;
const CAMERA_PERIOD_MS = 33;
const FORGOTTEN_AFTER_MS = 6000;

export class Link extends EventTarget {
  #socket = null;
  #session = "";
  #pending = new Map();
  #number = 0;
  #retryMs = 500;
  #retry = 0;
  #networkMs = 0;
  #heldMs = 30;
  #begun = false;
  state = "closed";

  // The token is behind the # of the printed address: browsers do not send that part.
  async begin() {
    const token = new URLSearchParams(location.hash.slice(1)).get("token");
    if (token) {
      history.replaceState(null, "", location.pathname);
      const answer = await this.login(token);
      if (answer) return this.#become("token", answer);
    }
    this.connect();
  }

  // "" where the token is right, else the error message.
  async login(token) {
    try {
      const answer = await fetch("/login", { method: "POST", headers: { Authorization: `Bearer ${token}` } });
      return answer.ok ? "" : (await answer.json()).error;
    } catch {
      return "the server does not answer";
    }
  }

  connect() {
    clearTimeout(this.#retry);
    this.#socket?.close(1000);
    this.#become("connecting");
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/socket?session=${encodeURIComponent(this.#session)}`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => this.#hear(event.data);
    socket.onclose = (event) => socket === this.#socket && this.#lost(event);
    this.#socket = socket;
  }

  // The page is closed: the server deletes its files.
  leave() {
    clearTimeout(this.#retry);
    const socket = this.#socket;
    // The close of the socket may not get through any more; a beacon does.
    if (this.#session) navigator.sendBeacon(`/sessions/${this.#session}/leave`);
    this.#socket = null;
    this.#session = "";
    socket?.close(1000);
    this.#become("closed");
  }

  get isOpen() {
    return this.state === "open";
  }

  // Frames in flight: as many as fill the network, so that hardly any waits.
  get hasRoom() {
    const now = performance.now();
    for (const [number, sent] of this.#pending) if (now - sent > FORGOTTEN_AFTER_MS) this.#pending.delete(number);
    // A fast server gets every frame of the camera, at any distance. A slow one gets no more than it can dream: a second
    // frame that always waits delays the picture, and the dream would be made smaller to keep up.
    const isQuick = this.#heldMs < 0.75 * CAMERA_PERIOD_MS;
    const ahead = isQuick ? Math.ceil(this.roundTripMs / CAMERA_PERIOD_MS) : 1 + Math.floor(this.#networkMs / this.#heldMs);
    return this.isOpen && this.#pending.size < Math.min(MOST_AHEAD, ahead);
  }

  get roundTripMs() {
    return this.#networkMs + this.#heldMs;
  }

  say(message) {
    if (this.isOpen) this.#socket.send(JSON.stringify(message));
  }

  sendFrame(jpeg) {
    if (!this.isOpen) return;
    const number = (this.#number = (this.#number + 1) >>> 0);
    const data = new Uint8Array(4 + jpeg.byteLength);
    new DataView(data.buffer).setUint32(0, number);
    data.set(new Uint8Array(jpeg), 4);
    this.#pending.set(number, performance.now());
    this.#socket.send(data);
  }

  fileUrl(name) {
    return `/sessions/${this.#session}/${encodeURIComponent(name)}`;
  }

  // Send a file as "guide" or "clip"; progress: called with 0..1. Throws an Error with a message for the user.
  upload(what, file, progress = () => {}) {
    return new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      request.open("POST", `/sessions/${this.#session}/${what}`);
      request.responseType = "json";
      request.upload.onprogress = (event) => progress(event.total ? event.loaded / event.total : 0);
      request.onload = () =>
        request.status === 200 ? done(request.response) : failed(new Error(request.response?.error ?? "it was refused"));
      // A server that refuses may close the connection while the file is still being sent.
      request.onerror = () => failed(new Error("the upload broke off; it may be too large"));
      request.send(file);
    });
  }

  #hear(data) {
    if (typeof data !== "string") {
      const view = new DataView(data);
      if (view.getUint8(0) === LIVE) this.#answered(view.getUint32(4), view.getUint16(2));
      this.#emit(view.getUint8(0) === LIVE ? "picture" : "preview", { data: data.slice(8) });
      return;
    }
    const said = JSON.parse(data);
    if (said.frame !== undefined) this.#pending.delete(said.frame);
    if (said.type === "hello") {
      this.#session = said.session;
      this.#retryMs = 500;
      const again = this.#begun;
      this.#begun = true;
      this.#become("open");
      this.#emit("said", { ...said, again });
    } else if (said.type !== "dropped") {
      this.#emit("said", said);
    }
  }

  #answered(number, heldMs) {
    const sent = this.#pending.get(number);
    if (sent === undefined) return;
    this.#pending.delete(number);
    const networkMs = Math.max(0, performance.now() - sent - heldMs);
    this.#networkMs += 0.1 * (networkMs - this.#networkMs);
    this.#heldMs += 0.1 * (heldMs - this.#heldMs);
  }

  async #lost(event) {
    this.#socket = null;
    this.#pending.clear();
    if (event.code === 4001) return this.#become("idle");
    if (event.code === 4008) return this.#become("refused", event.reason);
    if (event.code === 4013) return this.#later("full", 5000);
    try {
      const ready = await fetch("/ready", { cache: "no-store" });
      if (ready.status === 401) return this.#become("token");
      if (!ready.ok) return this.#become("refused", (await ready.json()).error);
    } catch {
      // No answer: tried again below.
    }
    this.#later("lost", this.#retryMs);
    this.#retryMs = Math.min(8000, this.#retryMs * 2);
  }

  #later(state, ms) {
    this.#become(state);
    this.#retry = setTimeout(() => this.connect(), ms);
  }

  #become(state, words = "") {
    // A second try changes nothing on the page.
    const quiet = state === "connecting" && ["lost", "full"].includes(this.state);
    this.state = quiet ? this.state : state;
    if (!quiet) this.#emit("state", { state, words });
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
