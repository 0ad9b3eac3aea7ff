// What every context starts with: JSON in, JSON out, modules, logging, and one door for the host.
//
// Evaluates to a function `host(operation, argument)`. Scripts share the global object but cannot reach anything here:
// the natives that this file uses are taken before the guards are put around them and before the first script runs.
(function () {
  "use strict";

  const { parse, stringify } = JSON;
  const { apply, deleteProperty } = Reflect;
  const { defineProperty, freeze, getPrototypeOf } = Object;
  const global = globalThis;
  const evaluate = eval; // called by this name it is the indirect kind: global scope, no locals
  const { join } = Array.prototype;
  const plainObject = Object.prototype;
  const plainArray = Array.prototype;
  const tagOf = Object.prototype.toString;
  const ErrorKind = Error;
  const SyntaxErrorKind = SyntaxError;
  const ask = global.__ask; // only in the killable process
  delete global.__ask;

  let settings = {};

  // --- values that leave -------------------------------------------------------------------------------------------

  const ODD = {
    __proto__: null,
    "[object RegExp]": "a regular expression",
    "[object Map]": "a Map",
    "[object Set]": "a Set",
    "[object WeakMap]": "a WeakMap",
    "[object WeakSet]": "a WeakSet",
    "[object Promise]": "a Promise",
    "[object ArrayBuffer]": "an ArrayBuffer",
    "[object DataView]": "a DataView",
    "[object Generator]": "a generator",
  };

  const ours = new WeakSet(); // errors made here: their place would be a line of this file

  function refuse(message) {
    const error = new ErrorKind(message);
    ours.add(error);
    return error;
  }

  function unfit(what, key) {
    return refuse("the script left " + what + (key === "" ? " as its value" : " in '" + key + "'") + ", which is not JSON");
  }

  // Replacer of every value that leaves: undefined becomes null, and what JSON would drop silently is an error.
  function fit(key, value) {
    const kind = typeof value;
    if (kind === "object") {
      if (value === null) return value;
      const prototype = getPrototypeOf(value);
      if (prototype === plainObject || prototype === plainArray) return value;
      const tag = apply(tagOf, value, []);
      if (tag in ODD) throw unfit(ODD[tag], key);
      if (tag === "[object Error]") return { name: value.name, message: value.message };
      return value;
    }
    if (kind === "undefined") return null;
    if (kind === "function" || kind === "symbol" || kind === "bigint") throw unfit("a " + kind, key);
    return value;
  }

  const SHORT = 200;

  // Lists of the answer are put together from texts, so that no `toJSON` that a script defines has a say in its form.
  // With `+` the longer ones would be ropes, which the host cannot take.
  function listOf(texts) {
    if (texts.length === 1 && texts[0].length < SHORT) return "[" + texts[0] + "]";
    return joined(["[", joined(texts, ","), "]"]);
  }

  function joined(texts, separator = "") {
    return apply(join, texts, [separator]);
  }

  function outward(value) {
    try {
      return stringify(value, fit);
    } catch (error) {
      if (error instanceof TypeError && error.message === "circular reference") {
        throw refuse("the script left a value that contains itself, which is not JSON");
      }
      throw error;
    }
  }

  // --- failures ----------------------------------------------------------------------------------------------------

  // What the host needs to know of a thrown value; it finds the words.
  function described(error) {
    const found = { __proto__: null, thrown: error };
    if (error === null || (typeof error !== "object" && typeof error !== "function")) {
      found.message = String(error);
      return found;
    }
    const message = error.message;
    if (message !== undefined && message !== null) found.message = String(message);
    found.code = error.code !== undefined ? error.code : error.openidmCode;
    found.detail = error.detail;
    if (error instanceof ErrorKind) {
      found.message = String(message);
      found.name = ours.has(error) ? "" : String(error.name);
      found.stack = ours.has(error) ? "" : String(error.stack);
      found.thrown = { __proto__: null, name: String(error.name), message: found.message };
    }
    return found;
  }

  function failure(error) {
    let found;
    try {
      found = described(error);
      return stringify(found, fit);
    } catch {
      const { message = null, code = null } = found || {};
      return stringify({ __proto__: null, message, code: typeof code === "number" ? code : null });
    }
  }

  // --- logging -----------------------------------------------------------------------------------------------------

  const MOST_LINES = 1000;
  const LONGEST_LINE = 8000;
  let lines = [];

  function shown(value) {
    if (typeof value === "string") return value;
    if (value instanceof ErrorKind) return String(value);
    if (typeof value === "object" && value !== null) {
      try {
        return stringify(value);
      } catch {
        return apply(tagOf, value, []);
      }
    }
    return String(value);
  }

  function logAt(level) {
    return function (format, ...values) {
      let next = 0;
      let text = shown(format).replace(/\{\}/g, (hole) => (next < values.length ? shown(values[next++]) : hole));
      for (; next < values.length; next++) text += " " + shown(values[next]);
      if (text.length > LONGEST_LINE) text = text.slice(0, LONGEST_LINE) + "…";
      const line = listOf([stringify(level), stringify(text)]);
      if (ask !== undefined) ask("log", line);
      else if (lines.length < MOST_LINES) lines[lines.length] = line;
    };
  }

  function logged() {
    const found = lines;
    lines = [];
    return listOf(found);
  }

  // --- modules -----------------------------------------------------------------------------------------------------

  const sources = { __proto__: null };
  let loaded = { __proto__: null };

  function canonical(folder, request) {
    const relative = request.startsWith("./") || request.startsWith("../");
    const path = [];
    for (const part of ((relative ? folder + "/" : "") + request).split("/")) {
      if (part === "" || part === ".") continue;
      if (part !== "..") path.push(part);
      else if (path.pop() === undefined) throw refuse("Module '" + request + "' is outside of the script folders");
    }
    const name = path.join("/");
    return name.endsWith(".js") ? name.slice(0, -3) : name;
  }

  function sourceOf(id) {
    if (sources[id] === undefined && ask !== undefined) {
      const text = answered(ask("module", stringify(id)));
      if (text !== null) sources[id] = text;
    }
    if (sources[id] === undefined) {
      throw refuse("There is no module '" + id + "': looked for " + id + ".js in the project's script folder, in the project, and among the built-in ones");
    }
    return sources[id];
  }

  function requireFrom(folder) {
    return function (request) {
      const id = canonical(folder, String(request));
      if (loaded[id] !== undefined) return loaded[id].exports;
      const text = sourceOf(id);
      const module = { id, exports: {} };
      loaded[id] = module;
      try {
        if (id.endsWith(".json")) module.exports = parse(text);
        else {
          const body = evaluate("(function (exports, require, module) {" + text + "\n})");
          apply(body, module.exports, [module.exports, requireFrom(id.includes("/") ? id.slice(0, id.lastIndexOf("/")) : ""), module]);
        }
      } catch (error) {
        delete loaded[id];
        throw error;
      }
      return module.exports;
    };
  }

  // --- the host's answers (killable process only) ------------------------------------------------------------------

  function answered(text) {
    const answer = parse(text);
    if (answer.error === undefined) return answer.value;
    const { code, message, detail } = answer.error;
    const error = refuse(message);
    const hidden = (name, value) => defineProperty(error, name, { value, writable: true, configurable: true });
    hidden("name", "ResourceException");
    error.code = code;
    error.detail = detail;
    // Scripts written for the JVM ask the wrapped exception.
    hidden("javaException", {
      getCode: () => code,
      getMessage: () => message,
      getDetail: () => detail,
      toString: () => message,
    });
    throw error;
  }

  // --- globals -----------------------------------------------------------------------------------------------------

  const exposed = { __proto__: null };

  // Assigning to one of our globals hides it until the script ends; it is not lost for the next one.
  function expose(name, value) {
    exposed[name] = value;
    defineProperty(global, name, {
      configurable: true,
      enumerable: false,
      get: () => value,
      set: (other) => defineProperty(global, name, { value: other, configurable: true, enumerable: true, writable: true }),
    });
  }

  // What a script assigned without declaring it, or put on every object, is gone before the next one runs.
  function sweep() {
    for (const name in global) {
      deleteProperty(global, name);
      deleteProperty(plainObject, name);
      if (name in exposed) expose(name, exposed[name]);
    }
  }

  const logger = freeze({ trace: logAt("trace"), debug: logAt("debug"), info: logAt("info"), warn: logAt("warn"), error: logAt("error") });
  expose("logger", logger);
  expose("console", freeze({ log: logger.info, info: logger.info, debug: logger.debug, warn: logger.warn, error: logger.error, trace: logger.trace }));
  expose("identityServer", {
    getProperty: (name, otherwise) => {
      const known = settings.properties;
      return known !== undefined && apply(plainObject.hasOwnProperty, known, [name]) ? known[name] : otherwise === undefined ? null : otherwise;
    },
    getProjectLocation: () => settings.project,
    getInstallLocation: () => settings.project,
    getWorkingLocation: () => settings.project,
  });
  expose("require", requireFrom(""));
  defineProperty(global, "eval", { writable: false, configurable: false });

  // --- running -----------------------------------------------------------------------------------------------------

  function bodyOf(definition) {
    const head = "(function (" + joined(definition.names, ", ") + ") {";
    if (definition.body !== null) {
      try {
        return evaluate(head + definition.body + "\n})");
      } catch (error) {
        // A `let` of the same name as a variable of the scope is fine in a script and not in a function.
        if (!(error instanceof SyntaxErrorKind)) throw error;
      }
    }
    try {
      return evaluate(head + "return eval(" + stringify(definition.text) + ")\n})");
    } catch (error) {
      return () => {
        throw error;
      };
    }
  }

  // One call: `values` are the scope's, in the order of the names; constants are given as fresh copies.
  function rowRunner({ constants, mutable, tidy, ...definition }) {
    const body = bodyOf(definition);
    const count = constants.length;
    const changed = (values, texts) => {
      for (let i = 0; i < mutable.length; i++) texts[texts.length] = outward(values[mutable[i]]);
      return listOf(texts);
    };
    return function (values) {
      try {
        let given = values;
        if (count > 0) {
          given = [];
          for (let i = 0; i < values.length; i++) given[i] = values[i];
          for (let i = 0; i < count; i++) given[given.length] = parse(constants[i]);
        }
        return changed(values, [outward(apply(body, undefined, given))]);
      } catch (error) {
        const text = failure(error);
        if (mutable.length === 0) return text;
        try {
          return joined(['{"changed":', changed(values, []), ',"failure":', text, "}"]);
        } catch {
          return text;
        }
      } finally {
        if (tidy) sweep();
      }
    };
  }

  function withLog(text) {
    return lines.length === 0 ? text : joined(['{"log":', logged(), ',"answer":', text, "}"]);
  }

  let finished = [];

  // Variables that cannot be parsed are too large or nested too deeply; the host hears it and takes a new context.
  function runOne(run) {
    return (text) => withLog(run(parse(text)));
  }

  function runMany(run) {
    return function (text) {
      finished = [];
      const rows = parse(text);
      for (let i = 0; i < rows.length; i++) finished[i] = run(rows[i]);
      return salvage();
    };
  }

  // Answers of the rows that were finished, in their order; also after an interrupted call.
  function salvage() {
    const found = finished;
    finished = [];
    return withLog(listOf(found));
  }

  // --- the host's door ---------------------------------------------------------------------------------------------

  return function (operation, argument) {
    switch (operation) {
      case "extend":
        argument({ answered, ask, evaluate, expose, freeze, listOf, outward, refuse, stringify });
        return null;
      case "settings":
        settings = parse(argument);
        return null;
      case "module": {
        const { id, text } = parse(argument);
        if (sources[id] !== text) {
          sources[id] = text;
          loaded = { __proto__: null };
        }
        return null;
      }
      case "one":
        return runOne(rowRunner(parse(argument)));
      case "many":
        return runMany(rowRunner(parse(argument)));
      case "salvage":
        return salvage();
    }
    throw refuse("unknown operation " + operation);
  };
})();
