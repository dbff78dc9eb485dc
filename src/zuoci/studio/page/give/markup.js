// The markup around the lines of a text: opening, lines, buttons and status.

const TOOLS = ["add", "undo", "redo", "clear", "copy", "save"]; // ids of the small buttons; each is also the name of its phrase

/** Fills a sheet. `showPhrases` then fills in the texts. @param {HTMLElement} sheet */
export function fillSheet(sheet) {
  const buttons = TOOLS.map((id) => `<button type="button" class="quiet" id="${id}" data-text="${id}"></button>`);
  sheet.innerHTML = `
    <label class="small" for="opening" data-text="opening"></label>
    <input id="opening" class="opening" type="text" maxlength="200" autocomplete="off" spellcheck="false"
      enterkeyhint="go" data-placeholder="openingHint">
    <ol id="lines" class="lines quatrains" data-label="lines"></ol>
    <p id="blank" class="blank" data-text="blank"></p>
    <div class="actions">
      <button type="button" class="primary" id="write" data-text="write"></button>
      <button type="button" class="primary" id="stop" data-text="stop" hidden></button>
      <button type="button" id="continue" data-text="continue"></button>
      <span class="gap"></span>
      ${buttons.join("\n")}
    </div>
    <p id="status" class="status" role="status"></p>`;
}
