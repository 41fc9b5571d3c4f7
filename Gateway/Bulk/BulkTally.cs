using System.Diagnostics;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Bulk;

/// <summary>Counts a bulk enrolment. Thread-safe.</summary>
internal sealed class BulkTally
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly long[] _byStatus = new long[Enum.GetValues<BulkItemStatus>().Length];
    private long _templates;

    public void Count(BulkLine line)
    {
        Interlocked.Increment(ref _byStatus[(int)line.Status!.Value]);
        if (line.Status == BulkItemStatus.Enrolled)
            Interlocked.Add(ref _templates, line.Templates?.Count ?? 0);
    }

    public BulkSummary Summary() => new(
        _byStatus.Sum(), Of(BulkItemStatus.Enrolled), Of(BulkItemStatus.Replayed), Of(BulkItemStatus.Conflict), Of(BulkItemStatus.Rejected),
        Of(BulkItemStatus.Failed), _templates, Stopwatch.GetElapsedTime(_start).TotalSeconds);

    private long Of(BulkItemStatus status) => _byStatus[(int)status];
}
