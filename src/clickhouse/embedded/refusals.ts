/**
 * What a statement from the network may never contain, however privileged: the ways from SQL to files, other hosts and
 * programs of this machine. The second fence stands in the engine itself (`engine_config.ts` grants no source privilege).
 *
 * INTO OUTFILE and FROM INFILE have this fence only: the engine's client side carries them out without asking for grants.
 */
import { exception } from './exception.ts';
import { identifierName, isSymbol, isWord, type Token } from './lexer.ts';

const REFUSED_FUNCTIONS: ReadonlySet<string> = new Set(
  `arrowflight azureblobstorage azureblobstoragecluster catboostevaluate cluster clusterallreplicas deltalake deltalakeazure
  deltalakecluster deltalakelocal deltalakes3 disk executable file filecluster gcs hdfs hdfscluster hive hudi hudicluster iceberg
  icebergazure iceberghdfs iceberglocal icebergs3 input jdbc mongodb mysql odbc oss paimon paimonlocal paimons3 postgresql python redis
  remote remotesecure s3 s3cluster sqlite url urlcluster xdbc ytsaurus`.split(/\s+/),
);

/** Throws ACCESS_DENIED when `statement` holds one of the ways out. A word in a string or a comment is none. */
export function refuseWaysOut(statement: readonly Token[]): void {
  for (const [position, token] of statement.entries()) {
    const next = statement[position + 1];
    if (isWord(token, 'INTO') && isWord(next, 'OUTFILE')) throw denied('INTO OUTFILE');
    if (isWord(token, 'FROM') && isWord(next, 'INFILE')) throw denied('FROM INFILE');
    const name = identifierName(token);
    if (name !== undefined && isSymbol(next, '(') && REFUSED_FUNCTIONS.has(name.toLowerCase())) throw denied(`${name}()`);
  }
}

function denied(what: string): Error {
  return exception('ACCESS_DENIED', `Not enough privileges: ${what} is switched off for queries over the network`);
}
