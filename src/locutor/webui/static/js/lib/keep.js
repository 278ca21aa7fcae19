// Recordings that were not sent yet survive a reload: they wait in the browser's own store.

const DATABASE = "locutor";
const STORE = "files";

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {string} key @param {File[]} files */
export const keepFiles = (key, files) => change((store) => store.put(files, key));

/** All of them, whoever kept them. */
export const forgetFiles = () => change((store) => store.clear());

/** @param {(store: IDBObjectStore) => void} make */
async function change(make) {
  const database = await open();
  const transaction = database.transaction(STORE, "readwrite");
  make(transaction.objectStore(STORE));
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onerror = () => reject(transaction.error);
  });
  database.close();
}

/** @param {string} key @returns {Promise<File[]>} */
export async function keptFiles(key) {
  const database = await open();
  const request = database.transaction(STORE).objectStore(STORE).get(key);
  await new Promise((resolve, reject) => {
    request.onsuccess = resolve;
    request.onerror = () => reject(request.error);
  });
  database.close();
  return request.result ?? [];
}
