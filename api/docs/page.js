// Draws the OpenAPI document of this server. Text only ever enters the page as text.
"use strict";

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function shape(schema) {
  if (!schema) return "";
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.type === "array") return "list of " + (shape(schema.items) || "anything");
  return Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type || "anything";
}

function parameters(operation) {
  const rows = (operation.parameters || []).map((p) =>
    element("tr", {},
      element("td", {}, element("code", {}, p.name)),
      element("td", {}, p.in + (p.required ? ", required" : "")),
      element("td", {}, shape(p.schema)),
      element("td", {}, p.description || "")));
  if (!rows.length) return null;
  const head = ["Parameter", "Where", "Value", "Meaning"].map((text) => element("th", {}, text));
  return element("table", {}, element("tr", {}, ...head), ...rows);
}

function example(method, path, operation) {
  const action = (operation.parameters || []).find((p) => p.name === "_action");
  const query = action && action.schema.enum ? "?_action=" + action.schema.enum[0]
    : operation.summary.startsWith("Query") ? "?_queryFilter=true" : "";
  const lines = [
    "curl --header 'X-OpenIDM-Username: openidm-admin' --header 'X-OpenIDM-Password: ...'",
    "--request " + method.toUpperCase(),
  ];
  if (operation.requestBody) lines.push("--header 'Content-Type: application/json' --data '{}'");
  lines.push("'" + location.origin + path + query + "'");
  return element("pre", {}, lines.join(" \\\n  "));
}

function call(method, path, operation) {
  const answers = Object.entries(operation.responses || {})
    .map(([status, answer]) => status + " " + answer.description).join(", ");
  const body = operation.requestBody
    ? element("p", {}, "Body: " + shape(operation.requestBody.content["application/json"].schema)) : null;
  const made = element("details", {},
    element("summary", {},
      element("span", { class: "method" }, method.toUpperCase()), " ",
      element("code", {}, path), " ", operation.summary || ""),
    parameters(operation), body, element("p", {}, "Answers: " + answers), example(method, path, operation));
  made.dataset.text = (method + " " + path + " " + operation.summary).toLowerCase();
  return made;
}

function draw(spec) {
  document.getElementById("title").textContent = spec.info.title + " " + spec.info.version;
  document.getElementById("about").textContent = spec.info.description || "";
  const groups = new Map();
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const tag = (operation.tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(call(method, path, operation));
    }
  }
  const abouts = Object.fromEntries((spec.tags || []).map((tag) => [tag.name, tag.description]));
  const main = document.getElementById("calls");
  main.replaceChildren(...[...groups].map(([tag, calls]) =>
    element("section", {}, element("h2", {}, tag), element("p", {}, abouts[tag] || ""), ...calls)));
}

function find(text) {
  for (const section of document.querySelectorAll("section")) {
    let shown = 0;
    for (const made of section.querySelectorAll("details")) {
      made.hidden = !made.dataset.text.includes(text.toLowerCase());
      shown += made.hidden ? 0 : 1;
    }
    section.hidden = shown === 0;
  }
}

document.getElementById("find").addEventListener("input", (event) => find(event.target.value));
fetch("/openapi.json")
  .then((answer) => answer.json())
  .then(draw)
  .catch((error) => { document.getElementById("calls").textContent = "The documentation could not be read: " + error; });
