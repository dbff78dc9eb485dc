import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { chosenFiles, corpusName, droppedFiles, partTexts, uploadOf } from "../../src/zuoci/studio/page/studio/dropped-files.js";

const SUFFIXES = [".docx", ".lrc", ".txt", ".zip"];

/** An entry of a drop: a file, or a folder whose reader gives two entries at a time, as browsers give a hundred. */
function entry(path, children) {
  if (!children) {
    const file = new File([path], path.split("/").at(-1));
    return { isFile: true, isDirectory: false, fullPath: path, file: (done) => done(file) };
  }
  const entries = Object.entries(children).map(([name, below]) => entry(`${path}/${name}`, below));
  const createReader = () => {
    const left = [...entries];
    return { readEntries: (done) => done(left.splice(0, 2)) };
  };
  return { isFile: false, isDirectory: true, fullPath: path, createReader };
}

/** A drop of some entries. */
function drop(...entries) {
  return {
    items: [{ kind: "string" }, ...entries.map((one) => ({ kind: "file", webkitGetAsEntry: () => one }))],
    files: [],
  };
}

const found = (name, inFolder = true) => ({ file: new File([name], name.split("/").at(-1)), name, inFolder });

describe("what is dropped", () => {
  test("a folder is walked through, however many files lie in it", async () => {
    const album = { "1.txt": null, "2.txt": null, "3.txt": null, live: { "4.lrc": null, "5.lrc": null, "6.lrc": null } };
    const files = await droppedFiles(drop(entry("/album", album), entry("/other.txt")));
    assert.deepEqual(
      files.map(({ name, inFolder }) => [name, inFolder]),
      [
        ["album/1.txt", true],
        ["album/2.txt", true],
        ["album/3.txt", true],
        ["album/live/4.lrc", true],
        ["album/live/5.lrc", true],
        ["album/live/6.lrc", true],
        ["other.txt", false],
      ],
    );
    assert.equal(await files[3].file.text(), "/album/live/4.lrc");
  });

  test("a folder that cannot be read is an error", async () => {
    const locked = { isFile: false, isDirectory: true, createReader: () => ({ readEntries: (_, fail) => fail(new Error("locked")) }) };
    await assert.rejects(droppedFiles(drop(locked)), /locked/);
  });

  test("single files need no entries", async () => {
    const files = [new File(["a"], "a.txt")];
    const transfer = { items: [{ kind: "file", webkitGetAsEntry: () => null }], files };
    assert.deepEqual(await droppedFiles(transfer), [{ file: files[0], name: "a.txt", inFolder: false }]);
  });
});

test("a field for folders gives paths, and one for files names", () => {
  const file = new File(["a"], "a.txt");
  assert.deepEqual(chosenFiles([Object.assign(file, { webkitRelativePath: "" })])[0].name, "a.txt");
  assert.deepEqual(chosenFiles([Object.assign(file, { webkitRelativePath: "x/a.txt" })]), [{ file, name: "x/a.txt", inFolder: true }]);
  assert.deepEqual(chosenFiles(null), []);
});

test("of a folder only texts are sent, of single files all; hidden files never of a folder", () => {
  const files = [found("b/cover.jpg"), found("b/2.TXT"), found("b/.git/1.txt"), found("b/.x.txt"), found("b/1.lrc"), found("song.doc", false), found(".y.txt", false)];
  const { texts, others } = partTexts(files, SUFFIXES);
  assert.deepEqual(texts.map(({ name }) => name), [".y.txt", "b/1.lrc", "b/2.TXT", "song.doc"]);
  assert.deepEqual(others.map(({ name }) => name), ["b/cover.jpg"]);
});

test("a request has a line that says what comes, and then the contents", async () => {
  const files = [{ ...found("歌/一.txt"), file: new File(["山前"], "一.txt") }, { ...found("b"), file: new File(["la"], "b") }];
  const [head, ...rest] = (await uploadOf(files).text()).split("\n");
  assert.deepEqual(JSON.parse(head), [
    { name: "歌/一.txt", bytes: 6 },
    { name: "b", bytes: 2 },
  ]);
  assert.deepEqual(rest, ["山前la"]);
});

test("a corpus is called as its folder, or as its first file", () => {
  assert.equal(corpusName([found("我的歌/1.txt"), found("我的歌/live/2.txt")]), "我的歌");
  assert.equal(corpusName([found("a/春天.txt"), found("b/2.txt")]), "春天");
  assert.equal(corpusName([found("my.songs.txt", false)]), "my.songs");
});
