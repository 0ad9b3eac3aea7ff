// The part of lodash 2 that mapping scripts use, under its names: collections, objects, tests, and chains of them.
"use strict";

function isList(value) {
  return Array.isArray(value);
}

function isObject(value) {
  return value !== null && (typeof value === "object" || typeof value === "function");
}

function owns(object, name) {
  return isObject(object) && Object.prototype.hasOwnProperty.call(object, name);
}

function matches(object, wanted) {
  return Object.keys(wanted).every((name) => isObject(object) && isEqual(object[name], wanted[name]));
}

// A function as it is, a name as "that member", an object as "has these members".
function callbackOf(wanted, self) {
  if (typeof wanted === "function") return self === undefined ? wanted : wanted.bind(self);
  if (wanted === undefined || wanted === null) return (value) => value;
  if (isObject(wanted)) return (value) => matches(value, wanted);
  return (value) => (value === null || value === undefined ? undefined : value[wanted]);
}

function entriesOf(collection) {
  if (collection === null || collection === undefined) return [];
  if (isList(collection) || typeof collection === "string") return Array.from(collection, (value, i) => [i, value]);
  return Object.keys(collection).map((name) => [name, collection[name]]);
}

function isEqual(a, b) {
  if (a === b) return true;
  if (typeof a === "number" && typeof b === "number") return a !== a && b !== b;
  if (!isObject(a) || !isObject(b) || isList(a) !== isList(b)) return false;
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => owns(b, name) && isEqual(a[name], b[name]));
}

function cloneDeep(value) {
  if (isList(value)) return value.map(cloneDeep);
  if (value instanceof Date) return new Date(value.getTime());
  if (!isObject(value) || typeof value === "function") return value;
  const copy = {};
  for (const name of Object.keys(value)) copy[name] = cloneDeep(value[name]);
  return copy;
}

function order(a, b) {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return a < b ? -1 : 1;
}

function flat(list, shallow) {
  return entriesOf(list).reduce((found, [, value]) => found.concat(isList(value) ? (shallow ? value : flat(value)) : [value]), []);
}

function assign(target, ...sources) {
  for (const source of sources) {
    if (isObject(source)) for (const name of Object.keys(source)) target[name] = source[name];
  }
  return target;
}

function merge(target, ...sources) {
  for (const source of sources) {
    if (!isObject(source)) continue;
    for (const name of Object.keys(source)) {
      const value = source[name];
      if (isObject(value) && typeof value !== "function" && !(value instanceof Date)) {
        target[name] = merge(isObject(target[name]) ? target[name] : isList(value) ? [] : {}, value);
      } else if (value !== undefined) target[name] = value;
    }
  }
  return target;
}

function chosen(object, names, keep) {
  const wanted = typeof names[0] === "function" ? names[0] : (_value, name) => flat(names).map(String).includes(name);
  const found = {};
  for (const [name, value] of entriesOf(object)) if (Boolean(wanted(value, name, object)) === keep) found[name] = value;
  return found;
}

const _ = (value) => new Chain(value, false);

const functions = {
  // collections
  each(collection, act, self) {
    const call = callbackOf(act, self);
    for (const [key, value] of entriesOf(collection)) if (call(value, key, collection) === false) break;
    return collection;
  },
  map: (collection, act, self) => entriesOf(collection).map(([key, value]) => callbackOf(act, self)(value, key, collection)),
  pluck: (collection, name) => functions.map(collection, (value) => (isObject(value) ? value[name] : undefined)),
  filter: (collection, test, self) => entriesOf(collection).filter(([key, value]) => callbackOf(test, self)(value, key, collection)).map(([, value]) => value),
  reject(collection, test, self) {
    const call = callbackOf(test, self);
    return functions.filter(collection, (value, key) => !call(value, key, collection));
  },
  find(collection, test, self) {
    const found = entriesOf(collection).find(([key, value]) => callbackOf(test, self)(value, key, collection));
    return found && found[1];
  },
  where: (collection, wanted) => functions.filter(collection, wanted),
  findWhere: (collection, wanted) => functions.find(collection, wanted),
  some: (collection, test, self) => entriesOf(collection).some(([key, value]) => callbackOf(test, self)(value, key, collection)),
  every: (collection, test, self) => entriesOf(collection).every(([key, value]) => callbackOf(test, self)(value, key, collection)),
  contains: (collection, wanted) => (typeof collection === "string" ? collection.includes(wanted) : functions.values(collection).includes(wanted)),
  reduce(collection, act, start) {
    const entries = entriesOf(collection);
    let found = arguments.length > 2 ? start : (entries.shift() || [])[1];
    for (const [key, value] of entries) found = act(found, value, key, collection);
    return found;
  },
  size: (collection) => entriesOf(collection).length,
  toArray: (collection) => functions.values(collection),
  sortBy(collection, by, self) {
    const call = callbackOf(by, self);
    return entriesOf(collection)
      .map(([key, value], i) => ({ value, i, rank: call(value, key, collection) }))
      .sort((a, b) => order(a.rank, b.rank) || a.i - b.i)
      .map((entry) => entry.value);
  },
  groupBy(collection, by, self) {
    const call = callbackOf(by, self);
    const groups = {};
    functions.each(collection, (value, key) => {
      const group = String(call(value, key, collection));
      if (owns(groups, group)) groups[group].push(value);
      else groups[group] = [value];
    });
    return groups;
  },
  indexBy(collection, by, self) {
    const call = callbackOf(by, self);
    const found = {};
    functions.each(collection, (value, key) => {
      found[String(call(value, key, collection))] = value;
    });
    return found;
  },

  // lists
  first: (list, count) => (typeof count === "number" ? (list || []).slice(0, count) : list ? list[0] : undefined),
  last: (list, count) => (typeof count === "number" ? (list || []).slice(-count) : list ? list[list.length - 1] : undefined),
  rest: (list, count) => (list || []).slice(typeof count === "number" ? count : 1),
  initial: (list) => (list || []).slice(0, -1),
  compact: (list) => (list || []).filter(Boolean),
  flatten: (list, shallow) => flat(list, shallow === true),
  uniq: (list, by) => {
    const seen = new Set();
    return functions.filter(list, (value, key) => {
      const rank = by === undefined ? value : callbackOf(by)(value, key, list);
      return !seen.has(rank) && Boolean(seen.add(rank));
    });
  },
  union: (...lists) => functions.uniq(flat(lists.filter(isList), true)),
  intersection: (list, ...others) => functions.uniq((list || []).filter((value) => others.every((other) => (other || []).includes(value)))),
  difference: (list, ...others) => (list || []).filter((value) => !others.some((other) => (other || []).includes(value))),
  without: (list, ...values) => functions.difference(list, values),
  indexOf: (list, value) => (list || []).indexOf(value),
  findIndex: (list, test) => (list || []).findIndex((value, i) => callbackOf(test)(value, i, list)),
  zipObject: (names, values) => {
    const found = {};
    (names || []).forEach((name, i) => {
      if (values) found[name] = values[i];
      else found[name[0]] = name[1];
    });
    return found;
  },

  // objects
  keys: (object) => (isObject(object) ? Object.keys(object) : []),
  values: (object) => entriesOf(object).map(([, value]) => value),
  pairs: (object) => entriesOf(object),
  has: owns,
  extend: assign,
  merge,
  defaults(target, ...sources) {
    for (const source of sources) {
      for (const [name, value] of entriesOf(source)) if (target[name] === undefined) target[name] = value;
    }
    return target;
  },
  pick: (object, ...names) => chosen(object, names, true),
  omit: (object, ...names) => chosen(object, names, false),
  invert: (object) => functions.reduce(object, (found, value, name) => assign(found, { [value]: name }), {}),
  clone: (value, deep) => (deep === true ? cloneDeep(value) : isList(value) ? value.slice() : isObject(value) ? assign({}, value) : value),
  cloneDeep,

  // tests
  isEqual,
  isArray: isList,
  isObject,
  isPlainObject: (value) => isObject(value) && Object.getPrototypeOf(value) === Object.prototype,
  isString: (value) => typeof value === "string" || value instanceof String,
  isNumber: (value) => typeof value === "number" || value instanceof Number,
  isBoolean: (value) => value === true || value === false || value instanceof Boolean,
  isFunction: (value) => typeof value === "function",
  isDate: (value) => value instanceof Date,
  isNull: (value) => value === null,
  isUndefined: (value) => value === undefined,
  isEmpty: (value) => entriesOf(value).length === 0,

  // the rest
  identity: (value) => value,
  noop: () => undefined,
  times: (count, act) => Array.from({ length: count }, (_value, i) => act(i)),
};

const ALIASES = {
  forEach: "each",
  collect: "map",
  select: "filter",
  detect: "find",
  any: "some",
  all: "every",
  include: "contains",
  includes: "contains",
  foldl: "reduce",
  inject: "reduce",
  head: "first",
  take: "first",
  tail: "rest",
  unique: "uniq",
  assign: "extend",
  object: "zipObject",
};
for (const alias of Object.keys(ALIASES)) functions[alias] = functions[ALIASES[alias]];

// `_.chain(x).map(f).value()`, and `_(x).map(f)`, which is done with its first plain answer.
class Chain {
  constructor(value, explicit) {
    this.wrapped = value;
    this.explicit = explicit;
  }

  value() {
    return this.wrapped;
  }

  chain() {
    return new Chain(this.wrapped, true);
  }
}

for (const name of Object.keys(functions)) {
  Chain.prototype[name] = function (...given) {
    const found = functions[name](this.wrapped, ...given);
    return this.explicit || isList(found) ? new Chain(found, this.explicit) : found;
  };
}
for (const name of ["join", "slice", "concat", "push", "reverse", "sort"]) {
  Chain.prototype[name] = function (...given) {
    const found = this.wrapped[name](...given);
    return this.explicit || isList(found) ? new Chain(name === "push" ? this.wrapped : found, this.explicit) : found;
  };
}
Chain.prototype.toJSON = Chain.prototype.value;

assign(_, functions);
_.chain = (value) => new Chain(value, true);

module.exports = _;
