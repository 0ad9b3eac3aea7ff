// Runs @rockcarver/frodo-lib against a server of ours and tells every call that it made.
// FRODO: its folder; HOST: address of the server; TOKEN: a bearer token; MAPPING: a mapping of the project.
import diagnostics from 'node:diagnostics_channel';
import { createRequire } from 'node:module';

const { frodo: factory } = createRequire(import.meta.url)(process.env.FRODO);
const { HOST, TOKEN, MAPPING } = process.env;

const calls = [];
diagnostics.subscribe('http.client.response.finish', ({ request, response }) => {
  calls.push({ method: request.method, path: decodeURIComponent(request.path), status: response.statusCode });
});

// a token that is there already takes the place of frodo's own login
const frodo = factory.createInstance({
  host: `${HOST}/am`,
  deploymentType: 'cloud',
  bearerToken: { access_token: TOKEN, token_type: 'Bearer', scope: 'fr:idm:*', expires: Date.now() + 600_000 },
});

const results = {};
const failures = {};
async function step(name, act) {
  try {
    results[name] = await act();
  } catch (error) {
    failures[name] = error.getCombinedMessage ? error.getCombinedMessage() : String(error);
  }
  return results[name];
}
const { recon, mapping, managed, config, connector, system, script } = frodo.idm;

async function ended(id) {
  for (;;) {
    const run = await recon.readRecon(id);
    if (run.state !== 'ACTIVE') return run;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

// recon
const started = await step('startRecon', () => recon.startRecon(MAPPING));
await step('readRecon', () => ended(started._id));
const one = await step('startReconById', () => recon.startReconById(MAPPING, 'bjensen'));
await step('cancelRecon', () => recon.cancelRecon(one._id));
await step('readReconAfterCancel', () => ended(one._id));
await step('readRecons', () => recon.readRecons());
await step('readReconUnknown', () => recon.readRecon('no-such-run'));

// mapping: those of sync.json, and those with a file of their own
const extra = { name: 'managedUser_managedRole', source: 'managed/user', target: 'managed/role', properties: [], policies: [] };
await step('readMappings', () => mapping.readMappings());
await step('readSyncMappings', () => mapping.readSyncMappings());
await step('createSyncMapping', () => mapping.createMapping('sync/second', { ...extra, name: 'second' }));
await step('readSyncMapping', () => mapping.readMapping('sync/second'));
await step('updateSyncMapping', () => mapping.updateMapping('sync/second', { ...results.readSyncMapping, displayName: 'Second' }));
await step('deleteSyncMapping', () => mapping.deleteMapping('sync/second'));
const id = `mapping/${extra.name}`;
await step('createMapping', () => mapping.createMapping(id, { _id: id, ...extra }));
await step('readMapping', () => mapping.readMapping(id));
await step('updateMapping', () => mapping.updateMapping(id, { ...results.readMapping, displayName: 'Changed' }));
await step('exportMapping', () => mapping.exportMapping(id));
await step('exportMappings', () => mapping.exportMappings());
await step('deleteMapping', () => mapping.deleteMapping(id));
await step('importMapping', () => mapping.importMapping(id, results.exportMapping));
await step('importMappings', () => mapping.importMappings(results.exportMappings));
await step('importFirstMapping', () => mapping.importFirstMapping(results.exportMappings));
await step('createUnnamedMapping', () => config.updateConfigEntity('mapping/bare', { source: 'managed/user', target: 'managed/role', properties: [], policies: [] }));
await step('readUnnamedMapping', () => mapping.readMapping('mapping/bare'));
await step('updateUnnamedMapping', () => mapping.updateMapping('mapping/bare', results.readUnnamedMapping));
await step('deleteUnnamedMapping', () => mapping.deleteMapping('mapping/bare'));
await step('createBrokenMapping', () => mapping.createMapping('mapping/broken', { name: 'broken', source: 'managed/user' }));

// managed objects
const person = { userName: 'frodo', givenName: 'Frodo', sn: 'Baggins', mail: 'frodo@example.com', password: 'Sting-4-ever' };
const made = await step('createManagedObject', () => managed.createManagedObject('user', person));
await step('createManagedObjectWithId', () => managed.createManagedObject('user', { ...person, userName: 'sam', mail: 'sam@example.com' }, 'sam'));
await step('createManagedObjectAgain', () => managed.createManagedObject('user', { ...person, userName: 'sam2' }, 'sam'));
await step('readManagedObject', () => managed.readManagedObject('user', made._id, ['*']));
await step('readManagedObjects', () => managed.readManagedObjects('user', ['userName', 'mail']));
await step('updateManagedObject', () => managed.updateManagedObject('user', 'sam', { ...person, userName: 'sam', mail: 'samwise@example.com' }));
await step('updateManagedObjectProperties', () => managed.updateManagedObjectProperties('user', 'sam', [{ operation: 'replace', field: '/sn', value: 'Gamgee' }]));
await step('updateManagedObjectPropertiesWithRevision', () =>
  managed.updateManagedObjectProperties('user', 'sam', [{ operation: 'add', field: '/description', value: 'gardener' }], results.updateManagedObjectProperties._rev));
await step('updateManagedObjectsProperties', () => managed.updateManagedObjectsProperties('user', 'userName sw "sa"', [{ operation: 'replace', field: '/givenName', value: 'Samwise' }]));
await step('queryManagedObjects', () => managed.queryManagedObjects('user', 'userName eq "sam"', ['userName', 'givenName', 'sn']));
await step('queryManagedObjectsPaged', () => managed.queryManagedObjects('user', 'true', ['_id'], 1));
await step('resolveUserName', () => managed.resolveUserName('user', 'sam'));
await step('resolveFullName', () => managed.resolveFullName('user', 'sam'));
await step('deleteManagedObject', () => managed.deleteManagedObject('user', made._id));
await step('deleteManagedObjects', () => managed.deleteManagedObjects('user', 'userName eq "sam"'));
await step('readManagedObjectUnknown', () => managed.readManagedObject('user', 'nobody', ['*']));

// config entities
await step('readConfigEntityStubs', () => config.readConfigEntityStubs());
await step('readConfigEntityTypes', () => config.readConfigEntityTypes());
await step('readConfigEntities', () => config.readConfigEntities());
await step('readConfigEntitiesByType', () => config.readConfigEntitiesByType('schedule'));
await step('readEmailTemplates', () => config.readConfigEntitiesByType('emailTemplate'));
await step('readConfigEntity', () => config.readConfigEntity('managed'));
await step('exportConfigEntity', () => config.exportConfigEntity('sync'));
await step('exportConfigEntities', () => config.exportConfigEntities());
await step('createConfigEntity', () => config.createConfigEntity('endpoint/hello', { type: 'text/javascript', source: '"hello"' }));
await step('updateConfigEntity', () => config.updateConfigEntity('endpoint/hello', { type: 'text/javascript', source: '"hello again"' }, true));
await step('importConfigEntities', () => config.importConfigEntities({ idm: { 'endpoint/hello': results.updateConfigEntity, sync: results.exportConfigEntity.idm.sync } }));
await step('importAllConfigEntities', () => config.importConfigEntities(results.exportConfigEntities));
await step('readSubConfigEntity', () => config.readSubConfigEntity('managed', 'user'));
await step('importSubConfigEntity', () => config.importSubConfigEntity('managed', results.readSubConfigEntity));
await step('deleteConfigEntity', () => config.deleteConfigEntity('endpoint/hello'));
await step('deleteConfigEntitiesByType', () => config.deleteConfigEntitiesByType('mapping/'));

// connectors and systems
await step('readConnectors', () => connector.readConnectors());
const csv = await step('readConnector', () => connector.readConnector('csvfile'));
await step('updateConnector', () => connector.updateConnector('csvfile', csv));
await step('createConnector', () => connector.createConnector('csvcopy', { ...csv, _id: undefined }));
await step('exportConnector', () => connector.exportConnector('csvfile'));
await step('exportConnectors', () => connector.exportConnectors());
await step('importConnector', () => connector.importConnector('csvfile', results.exportConnector));
await step('importFirstConnector', () => connector.importFirstConnector(results.exportConnectors));
await step('importConnectors', () => connector.importConnectors(results.exportConnectors));
await step('deleteConnector', () => connector.deleteConnector('csvcopy'));
await step('testConnectorServers', () => system.testConnectorServers());
await step('readAvailableSystems', () => system.readAvailableSystems());
await step('readSystemStatus', () => system.readSystemStatus('csvfile'));
await step('readSystemSchema', () => system.readSystemSchema('csvfile'));
await step('queryAllSystemObjectIds', () => system.queryAllSystemObjectIds('csvfile', 'account'));
await step('queryAllSystemObjectIdsPaged', () => system.queryAllSystemObjectIds('csvfile', 'account', 1));
await step('queryAllSystemObjectIdsNextPage', () =>
  system.queryAllSystemObjectIds('csvfile', 'account', 1, encodeURIComponent(results.queryAllSystemObjectIdsPaged.pagedResultsCookie)));
await step('querySystemObjects', () => system.querySystemObjects('csvfile', 'account', 'true'));
const row = results.querySystemObjects.result[0];
await step('readSystemObject', () => system.readSystemObject('csvfile', 'account', row._id));
const { _id, ...values } = row;
await step('createSystemObject', () => system.createSystemObject('csvfile', 'account', { ...values, uid: 'frodo', username: 'frodo@example.com' }));
const nine = results.createSystemObject?._id ?? 'frodo';
await step('updateSystemObject', () => system.updateSystemObject('csvfile', 'account', nine, { ...results.createSystemObject, description: 'ring' }));
await step('updateSystemObjectProperties', () =>
  system.updateSystemObjectProperties('csvfile', 'account', nine, [{ operation: 'replace', field: '/description', value: 'no ring' }]));
await step('deleteSystemObject', () => system.deleteSystemObject('csvfile', 'account', nine));
await step('authenticateSystemObject', () => system.authenticateSystemObject('csvfile', 'account', 'bjensen', 'secret'));
await step('runSystemScript', () => system.runSystemScript('csvfile', 'x'));

// scripts
await step('compileScript', () => script.compileScript('1 + 1'));
await step('compileBrokenScript', () => script.compileScript('1 +'));
await step('evaluateScript', () => script.evaluateScript('a + b', { a: 40, b: 2 }));
await step('evaluateScriptWithOpenidm', () => script.evaluateScript('openidm.query("managed/user", {_queryFilter: "true"}).resultCount'));

// values kept secret by scripts
const secret = await step('encrypt', () => frodo.idm.crypto.encrypt('Sting-4-ever'));
await step('isEncrypted', () => frodo.idm.crypto.isEncrypted(secret));
await step('decrypt', () => frodo.idm.crypto.decrypt(secret));
await step('encryptMap', () => frodo.idm.crypto.encryptMap({ a: 'x', b: 'y' }));
await step('decryptMap', () => frodo.idm.crypto.decryptMap(results.encryptMap));

// internal roles and templates of mails, which are IDM's too
const role = { name: 'burglar', description: 'Takes rings', condition: null, privileges: [], temporalConstraints: [] };
await step('createInternalRole', () => frodo.role.createInternalRole(role, 'burglar'));
await step('updateInternalRole', () => frodo.role.updateInternalRole('burglar', { ...role, description: 'Gives rings back' }));
await step('readInternalRoleByName', () => frodo.role.readInternalRoleByName('burglar'));
await step('queryInternalRoles', () => frodo.role.queryInternalRoles('name eq "burglar"', ['name']));
await step('deleteInternalRole', () => frodo.role.deleteInternalRole('burglar'));
await step('createEmailTemplate', () => frodo.email.template.createEmailTemplate('welcome', { enabled: true, from: '', subject: { en: 'Welcome' }, message: { en: 'Hello' } }));
await step('readEmailTemplate', () => frodo.email.template.readEmailTemplate('welcome'));
await step('deleteEmailTemplate', () => config.deleteConfigEntity('emailTemplate/welcome'));
await step('readInternalRoles', () => frodo.role.readInternalRoles());
await step('readInternalRole', () => frodo.role.readInternalRole('openidm-admin'));

process.stdout.write(JSON.stringify({ calls, results, failures }));
