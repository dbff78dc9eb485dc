import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { detailsOf, pack, unpack } from "../../src/zuoci/studio/page/studio/song-content.js";
import { merge } from "../../src/zuoci/studio/page/studio/merge.js";
import { SongSaver } from "../../src/zuoci/studio/page/studio/song-saver.js";

const content = (text) => ({ text, lines: detailsOf(text), shelf: [] });

/** A server with one song, which can be down, and lose answers. */
class Server {
  constructor(text) {
    this.count = 0;
    this.song = pack(content(text));
    this.mode = () => "up";
  }

  get() {
    if (this.mode() !== "up") throw new Error("down");
    return { id: "夜", version: `${this.count}`, tags: [], ...structuredClone(this.song) };
  }

  put({ version, text, lines, authors, shelf }) {
    const mode = this.mode();
    if (mode === "down") throw new Error("down");
    if (version !== `${this.count}`) throw Object.assign(new Error("changed"), { code: "song_changed" });
    this.song = structuredClone({ text, lines, authors, shelf });
    this.count++;
    if (mode === "deaf") throw new Error("the answer is lost");
    return { version: `${this.count}` };
  }
}

/** A page that shows the server's song. */
function page(server, kept = { value: null }) {
  const seen = { states: [], shown: null, kept };
  const saver = new SongSaver(server.get(), {
    get: async () => server.get(),
    put: async (_, body) => server.put(body),
    keep: (_, unsaved) => ((kept.value = structuredClone(unsaved)), true),
    show: ({ text }) => (seen.shown = text),
    report: (state) => seen.states.push(state),
    wait: () => new Promise((resolve) => setTimeout(resolve, 1)),
  });
  return { saver, seen };
}

describe("merging", () => {
  const lines = (text) => [...text];

  test("changes of different lines come together", () => {
    assert.deepEqual(merge(lines("abcd"), lines("aBcd"), lines("abce")).lines.join(""), "aBce");
    assert.deepEqual(merge(lines("abc"), lines("xabc"), lines("ac")).lines.join(""), "xac");
    assert.equal(merge(lines("abc"), lines("aXc"), lines("aXc")).conflict, false);
  });

  test("two changes of one line are a conflict", () => {
    assert.equal(merge(lines("abc"), lines("aXc"), lines("aYc")).conflict, true);
  });

  test("a text that only one has changed is that one's", () => {
    const pick = (n) => Array.from({ length: n }, () => "abc"[Math.floor(Math.random() * 3)]);
    for (let round = 0; round < 200; round++) {
      const [base, other] = [pick(8), pick(7)];
      assert.deepEqual(merge(base, other, base), { ...merge(base, other, base), lines: other, conflict: false });
      assert.deepEqual(merge(base, base, other).lines, other);
    }
  });
});

describe("saving", () => {
  test("what is typed is saved, and then no longer kept in the browser", async () => {
    const server = new Server("一");
    const { saver, seen } = page(server);
    saver.change(content("一二"));
    assert.equal(seen.kept.value.content.text, "一二");
    await saver.flush();
    assert.equal(server.song.text, "一二");
    assert.equal(seen.kept.value, null);
    assert.deepEqual(seen.states, ["saving", "saved"]);
  });

  test("while the server is gone nothing is lost, and it is said", async () => {
    const server = new Server("一");
    const { saver, seen } = page(server);
    server.mode = () => "down";
    saver.change(content("一二"));
    await saver.flush();
    assert.equal(seen.states.at(-1), "failed");
    saver.close();
    server.mode = () => "up";
    const again = page(server, seen.kept); // the page is opened again
    again.saver.recover(seen.kept.value);
    assert.equal(again.seen.shown, "一二");
    await again.saver.flush();
    assert.equal(server.song.text, "一二");
  });

  test("a lost answer is no conflict", async () => {
    const server = new Server("一");
    const { saver, seen } = page(server);
    server.mode = () => "deaf";
    saver.change(content("一二"));
    await saver.flush();
    server.mode = () => "up";
    saver.change(content("一二三"));
    while (saver.unsaved) await saver.flush();
    assert.equal(server.song.text, "一二三");
    assert.ok(!seen.states.includes("conflict"));
  });

  test("two pages come together, or the person decides", async () => {
    const server = new Server("一\n二\n三");
    const [a, b] = [page(server), page(server)];
    a.saver.change(content("壹\n二\n三"));
    await a.saver.flush();
    b.saver.change(content("一\n二\n叁"));
    while (b.saver.unsaved) await b.saver.flush();
    assert.deepEqual([server.song.text, b.seen.shown], ["壹\n二\n叁", "壹\n二\n叁"]);
    await a.saver.refresh();
    assert.equal(a.seen.shown, "壹\n二\n叁");
    a.saver.change(content("甲\n二\n叁"));
    await a.saver.flush();
    b.saver.change(content("乙\n二\n叁"));
    await b.saver.flush();
    assert.equal(b.seen.states.at(-1), "conflict");
    assert.equal(server.song.text, "甲\n二\n叁");
    assert.equal(b.seen.kept.value.content.text, "乙\n二\n叁");
    b.saver.resolve("mine");
    await b.saver.flush();
    assert.equal(server.song.text, "乙\n二\n叁");
  });

  test("while a song gets another title, nothing is saved under the former one", async () => {
    const server = new Server("一");
    const { saver } = page(server);
    /** @type {string[]} */
    const names = [];
    saver.world.put = async (id, body) => (names.push(id), server.put(body));
    saver.change(content("一二"));
    const renamed = saver.pause(async () => {
      saver.change(content("一二三"));
      await saver.world.wait(20);
      saver.id = "昼";
    });
    await renamed;
    while (saver.unsaved) await saver.flush();
    assert.deepEqual([names, server.song.text], [["夜", "昼"], "一二三"]);
  });

  test("no acknowledged character is lost in 300 accidents", async () => {
    let seed = 1;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    const server = new Server("一\n二");
    const kept = [{ value: null }, { value: null }];
    let pages = kept.map((one) => page(server, one).saver);
    const texts = ["", ""]; // what each writer has typed into a line of their own
    let conflicts = 0;
    /** Asked, a writer keeps the own line and takes over the other's: an answer was lost, and the other saved since. */
    const decide = (saver, who) => {
      if (!saver.conflict) return;
      conflicts++;
      const text = saver.conflict.text.split("\n").with(who, texts[who]).join("\n");
      saver.resolve("mine");
      saver.change({ ...saver.content, text });
    };
    for (let round = 0; round < 300; round++) {
      const who = Math.floor(random() * 2);
      const accident = random();
      server.mode = accident < 0.2 ? () => "down" : accident < 0.4 ? () => "deaf" : () => "up";
      texts[who] += "山路人歌"[Math.floor(random() * 4)];
      const saver = pages[who];
      const now = saver.content.text.split("\n").with(who, texts[who]).join("\n");
      saver.change({ ...saver.content, text: now });
      if (random() < 0.5) await saver.flush();
      decide(saver, who);
      if (random() < 0.2) {
        saver.close(); // the page is killed and opened again
        server.mode = () => "up";
        const left = structuredClone(kept[who].value);
        pages = pages.with(who, page(server, kept[who]).saver);
        if (left) pages[who].recover(left);
        decide(pages[who], who);
      }
    }
    server.mode = () => "up";
    for (const who of [0, 1, 0, 1]) {
      await pages[who].refresh();
      while (pages[who].unsaved) {
        await pages[who].flush();
        decide(pages[who], who);
      }
    }
    assert.ok(conflicts < 15, `${conflicts} of 300`);
    assert.deepEqual(pages.map(({ conflict }) => conflict), [null, null]);
    assert.equal(server.song.text, texts.join("\n"));
  });
});

test("authors are sent once", () => {
  const by = { model: "zh", seed: 1, settings: { lines: 4 } };
  const both = { text: "a\nb", shelf: [], lines: detailsOf("a\nb").map((line) => ({ ...line, by: { ...by } })) };
  const packed = pack(both);
  assert.deepEqual(packed.authors, [by]);
  assert.deepEqual(unpack(packed), both);
});
