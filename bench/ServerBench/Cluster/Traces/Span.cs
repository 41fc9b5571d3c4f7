using Google.Protobuf;

namespace FaceSearch.ServerBench.Cluster.Traces;

/// <summary>One span of a trace as it was exported.</summary>
/// <param name="Trace">Trace id, hexadecimal.</param>
/// <param name="Id">Span id.</param>
/// <param name="Parent">Parent's span id; empty: none.</param>
/// <param name="Name">What was done.</param>
/// <param name="Kind">1 internal, 2 server, 3 client.</param>
/// <param name="Start">Nanoseconds since 1970.</param>
/// <param name="End">Nanoseconds since 1970.</param>
/// <param name="Process">The process that says so.</param>
internal sealed record Span(string Trace, string Id, string Parent, string Name, int Kind, long Start, long End, string Process)
{
    public const int Server = 2, Client = 3;

    public double Milliseconds => (End - Start) / 1e6;
}

/// <summary>Reads ExportTraceServiceRequest of OTLP 1 (opentelemetry/proto/trace/v1/trace.proto): the fields that are needed, by their numbers.</summary>
internal static class SpanReader
{
    public static List<Span> Read(byte[] request)
    {
        List<Span> spans = [];
        foreach (byte[] resourceSpans in Messages(request, 1))
        {
            string process = Messages(resourceSpans, 1).SelectMany(resource => Messages(resource, 1)).Select(Attribute).FirstOrDefault(a => a.Key == "service.name").Value ?? "";
            foreach (byte[] span in Messages(resourceSpans, 2).SelectMany(scope => Messages(scope, 2)))
                spans.Add(One(span, process));
        }
        return spans;
    }

    private static Span One(byte[] message, string process)
    {
        CodedInputStream input = new(message);
        (string trace, string id, string parent, string name, int kind, long start, long end) = ("", "", "", "", 0, 0, 0);
        for (uint tag; (tag = input.ReadTag()) != 0;)
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case 1: trace = Convert.ToHexStringLower(input.ReadBytes().Span); break;
                case 2: id = Convert.ToHexStringLower(input.ReadBytes().Span); break;
                case 4: parent = Convert.ToHexStringLower(input.ReadBytes().Span); break;
                case 5: name = input.ReadString(); break;
                case 6: kind = input.ReadEnum(); break;
                case 7: start = (long)input.ReadFixed64(); break;
                case 8: end = (long)input.ReadFixed64(); break;
                default: input.SkipLastField(); break;
            }
        }
        return new(trace, id, parent, name, kind, start, end, process);
    }

    /// <summary>KeyValue { 1: key, 2: AnyValue { 1: string } }.</summary>
    private static (string Key, string? Value) Attribute(byte[] message)
    {
        CodedInputStream input = new(message);
        (string key, string? value) = ("", null);
        for (uint tag; (tag = input.ReadTag()) != 0;)
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case 1: key = input.ReadString(); break;
                case 2: value = Messages(input.ReadBytes().ToByteArray(), 1).Select(System.Text.Encoding.UTF8.GetString).FirstOrDefault(); break;
                default: input.SkipLastField(); break;
            }
        }
        return (key, value);
    }

    /// <summary>The embedded messages of a field.</summary>
    private static IEnumerable<byte[]> Messages(byte[] message, int field)
    {
        CodedInputStream input = new(message);
        for (uint tag; (tag = input.ReadTag()) != 0;)
        {
            if (WireFormat.GetTagFieldNumber(tag) == field && WireFormat.GetTagWireType(tag) == WireFormat.WireType.LengthDelimited)
                yield return input.ReadBytes().ToByteArray();
            else
                input.SkipLastField();
        }
    }
}
