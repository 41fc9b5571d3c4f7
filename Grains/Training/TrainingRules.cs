using Cronos;

namespace FaceSearch.Grains.Training;

/// <summary>What plans and schedules must satisfy; messages name the field and its bounds.</summary>
internal static class TrainingRules
{
    private const int MostOptions = 64, LongestText = 256;

    public static void Check(TrainingRequest plan)
    {
        string?[] sources = [plan.Gallery, plan.Family, plan.Folder];
        if (sources.Count(s => s is not null) != 1)
            throw FaceSearchException.Invalid("A training plan names exactly one of gallery, family and folder.");
        if (plan.Gallery is { } gallery && !Ids.IsGallery(gallery))
            throw FaceSearchException.Invalid($"'{gallery}' is no gallery id.");
        if (sources.OfType<string>().Append(plan.BaseModel ?? "-").Append(plan.CohortKey ?? "-").Any(s => s.Length is 0 or > LongestText || s.Any(char.IsControl)))
            throw FaceSearchException.Invalid($"Names in a training plan are 1 to {LongestText} characters without control characters.");
        if (plan.LeastPeople is < 10 or > 1_000_000)
            throw FaceSearchException.Invalid($"leastPeople must be 10 to 1,000,000; got {plan.LeastPeople}.");
        if (plan.Options is { } options && (options.Count > MostOptions || options.Any(o => !IsOption(o.Key) || o.Value.Length > LongestText || o.Value.Any(char.IsControl))))
            throw FaceSearchException.Invalid($"Up to {MostOptions} options; names are lower-case words joined by '-', values have up to {LongestText} characters.");
    }

    public static void Check(TrainingSchedule schedule)
    {
        Check(schedule.Plan);
        if (schedule.Name.Length is 0 or > 63 || schedule.Name.Any(c => char.IsControl(c) || c is '/' or ' '))
            throw FaceSearchException.Invalid("A schedule's name is a gallery id or the name of a model: 1 to 63 characters without '/', spaces and control characters.");
        if (schedule.LeastNewIdentities < 0 || schedule.LeastNewTemplates < 0)
            throw FaceSearchException.Invalid("leastNewIdentities and leastNewTemplates must not be negative.");
        _ = Cron(schedule);
        _ = Zone(schedule);
    }

    /// <summary>The first due time after a moment; null if there is none.</summary>
    public static DateTimeOffset? NextAfter(TrainingSchedule schedule, DateTimeOffset moment) =>
        schedule.Enabled ? Cron(schedule).GetNextOccurrence(moment, Zone(schedule))?.ToUniversalTime() : null;

    private static CronExpression Cron(TrainingSchedule schedule)
    {
        int fields = schedule.Cron.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;
        return CronExpression.TryParse(schedule.Cron, fields == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard, out CronExpression? cron)
            ? cron
            : throw FaceSearchException.Invalid($"'{schedule.Cron}' is no cron expression: five fields (minute, hour, day of month, month, day of week), or six with seconds first.");
    }

    private static TimeZoneInfo Zone(TrainingSchedule schedule) => schedule.TimeZone is not { } name ? TimeZoneInfo.Utc
        : TimeZoneInfo.TryFindSystemTimeZoneById(name, out TimeZoneInfo? zone) ? zone
        : throw FaceSearchException.Invalid($"'{name}' is no time zone known here; use an IANA name such as Europe/Paris.");

    private static bool IsOption(string name) => name.Length is > 0 and <= 64 && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
}
