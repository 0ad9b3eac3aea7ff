// `openidm` and files, in the killable process: each call asks the host and waits for its answer.
(function (kit) {
  "use strict";

  const { answered, ask, evaluate, expose, freeze, listOf, outward, stringify } = kit;
  const VERBS = ["create", "update", "patch", "delete", "query", "action", "encrypt", "decrypt", "isEncrypted", "hash", "isHashed", "matches"];

  function call(verb, given) {
    let size = given.length;
    while (size > 0 && given[size - 1] === undefined) size--;
    return answered(ask("call", listOf([stringify(verb), outward(given.slice(0, size))])));
  }

  const openidm = {};
  for (const verb of VERBS) {
    openidm[verb] = (...given) => call(verb, given);
  }
  openidm.read = (...given) => {
    try {
      return call("read", given);
    } catch (error) {
      if (error.code === 404) return null;
      throw error;
    }
  };

  expose("openidm", freeze(openidm));
  expose("load", (file) => evaluate(answered(ask("script", stringify(String(file))))));
  expose("readFile", (file) => answered(ask("file", stringify(String(file)))));
});
