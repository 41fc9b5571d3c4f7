namespace FaceSearch.Silo.Telemetry;

/// <summary>How log lines look; <c>Silo:LogFormat</c>.</summary>
internal static class LogFormat
{
    /// <summary>One line for people (<c>simple</c>, the default), or one JSON object a line with its named values (<c>json</c>).</summary>
    public static void AddConsoleFormat(this WebApplicationBuilder builder)
    {
        string format = builder.Configuration["Silo:LogFormat"] ?? "simple";
        if (format.Equals("json", StringComparison.OrdinalIgnoreCase))
        {
            builder.Logging.AddJsonConsole(o =>
            {
                o.UseUtcTimestamp = true;
                o.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
                o.IncludeScopes = true;
            });
            return;
        }
        if (!format.Equals("simple", StringComparison.OrdinalIgnoreCase))
            throw FaceSearchException.Invalid($"Silo:LogFormat is 'simple' or 'json'; got '{format}'.");
        builder.Logging.AddSimpleConsole(o =>
        {
            o.SingleLine = true;
            o.TimestampFormat = "HH:mm:ss ";
        });
    }
}
