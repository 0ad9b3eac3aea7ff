// Bounds for the few native loops that the engine does not interrupt, and an error prototype that scripts cannot bend.
//
// A time limit only helps where the engine looks at the clock. Measured against the pinned engine, the functions below
// do not: on an array of four thousand million holes, or a long text sought in a longer one, each runs for minutes.
(function () {
  "use strict";

  const { apply } = Reflect;
  const { defineProperty, freeze } = Object;
  const isArray = Array.isArray;
  const LONGEST_LIST = 5000000; // more elements than the memory limit can hold
  const MOST_COMPARISONS = 1e9; // about a second

  function replace(owner, name, make) {
    const native = owner[name];
    const guarded = make(native);
    defineProperty(guarded, "name", { value: name });
    defineProperty(guarded, "length", { value: native.length });
    defineProperty(owner, name, { value: guarded });
  }

  function bounded(list) {
    if (list !== null && typeof list === "object" && list.length > LONGEST_LIST) {
      throw new RangeError("a list of " + list.length + " elements is too long");
    }
  }

  const onLists = (native) =>
    function () {
      bounded(this);
      return apply(native, this, arguments);
    };
  for (const name of ["copyWithin", "join", "reverse", "shift", "slice", "sort", "splice", "toLocaleString", "toString", "unshift"]) {
    replace(Array.prototype, name, onLists);
  }
  replace(Array.prototype, "concat", (native) =>
    function () {
      bounded(this);
      for (let i = 0; i < arguments.length; i++) bounded(arguments[i]);
      return apply(native, this, arguments);
    });

  // Flattening meets lists inside lists, so it is done here, in a loop that can be interrupted.
  function flatten(into, list, depth) {
    bounded(list);
    for (let i = 0; i < list.length; i++) {
      if (!(i in list)) continue;
      if (depth >= 1 && isArray(list[i])) flatten(into, list[i], depth - 1);
      else into[into.length] = list[i];
    }
    return into;
  }
  replace(Array.prototype, "flat", () =>
    function (depth) {
      return flatten([], this, depth === undefined ? 1 : Number(depth) || 0);
    });
  const map = Array.prototype.map;
  replace(Array.prototype, "flatMap", () =>
    function () {
      bounded(this);
      return flatten([], apply(map, this, arguments), 1);
    });

  function search(method) {
    return (native) =>
      function (wanted) {
        const pattern = method !== null && wanted !== null && typeof wanted === "object" && wanted[method] !== undefined;
        if (!pattern && this !== undefined && this !== null) {
          const size = String(wanted).length;
          if (size > 64 && size * String(this).length > MOST_COMPARISONS) {
            throw new RangeError("the texts to search are too long");
          }
        }
        return apply(native, this, arguments);
      };
  }
  replace(String.prototype, "indexOf", search(null));
  replace(String.prototype, "includes", search(null));
  replace(String.prototype, "split", search(Symbol.split));
  replace(String.prototype, "replace", search(Symbol.replace));
  replace(String.prototype, "replaceAll", search(Symbol.replace));

  replace(String, "raw", (native) =>
    function (template) {
      bounded(template && template.raw);
      return apply(native, this, arguments);
    });
  replace(JSON, "stringify", (native) =>
    function (value, replacer) {
      bounded(replacer);
      return apply(native, this, arguments);
    });
  replace(Iterator.prototype, "drop", (native) =>
    function (count) {
      if (count > LONGEST_LIST) throw new RangeError("cannot drop so many elements");
      return apply(native, this, arguments);
    });

  // When a call is interrupted the host turns the error into text outside of any time limit: no script may take part.
  const shown = Error.prototype.toString;
  for (const kind of [InternalError, RangeError]) {
    const prototype = kind.prototype;
    defineProperty(prototype, "toString", { value: shown });
    defineProperty(prototype, "stack", { value: "" });
    defineProperty(prototype, Symbol.toPrimitive, { value: undefined });
    freeze(prototype);
  }
})();
