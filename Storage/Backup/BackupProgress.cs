namespace FaceSearch.Storage.Backup;

/// <summary>How far a backup, a restore or a verification is.</summary>
/// <param name="Line">What was done last, for people.</param>
/// <param name="Parts">Parts done: logs of shards; of a verification, files.</param>
/// <param name="PartsTotal">Parts there are, as far as is known.</param>
/// <param name="Templates">Templates of the logs so far.</param>
/// <param name="Bytes">Bytes written or read so far.</param>
public sealed record BackupProgress(string Line, int Parts, int PartsTotal, long Templates, long Bytes);
