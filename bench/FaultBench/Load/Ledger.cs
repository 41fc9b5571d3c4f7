using System.Collections.Concurrent;
using System.Globalization;

namespace FaceSearch.FaultBench.Load;

/// <summary>What a client knows of a person from the answers it got.</summary>
internal enum Known
{
    /// <summary>No operation was tried.</summary>
    Nothing,

    /// <summary>The enrolment was acknowledged.</summary>
    Present,

    /// <summary>The erasure was acknowledged.</summary>
    Absent,

    /// <summary>The enrolment was refused (4xx).</summary>
    Refused,

    /// <summary>The enrolment has no answer, or a 5xx: either.</summary>
    EnrolmentUnknown,

    /// <summary>The erasure has no answer, or a 5xx: either.</summary>
    ErasureUnknown,
}

/// <summary>A person, and the gate that keeps the client and the checks apart.</summary>
internal sealed class Person(int number)
{
    public int Number { get; } = number;

    public string Name { get; } = Faces.Name(number);

    public SemaphoreSlim Gate { get; } = new(1);

    public Known Known { get; set; }

    /// <summary>Of an unknown one: what was read last, which must stay.</summary>
    public bool? Seen { get; set; }
}

/// <summary>Every operation's outcome as the clients were told, and everything that contradicts it.</summary>
/// <param name="folder">Where violations are also written to, with their times.</param>
/// <param name="untimed">What is only late is counted and is no violation.</param>
internal sealed class Ledger(string? folder = null, bool untimed = false)
{
    private const int Kept = 50;
    private readonly Lock _file = new();
    private readonly ConcurrentDictionary<int, Person> _people = [];
    private readonly ConcurrentDictionary<string, int> _answers = [];
    private readonly ConcurrentQueue<string> _violations = [];
    private int _next, _acknowledged, _refused, _unknown, _violated, _reads, _settled;

    public IReadOnlyList<Person> People => [.. _people.Values.OrderBy(p => p.Number)];

    public int Acknowledged => _acknowledged;

    public int Refused => _refused;

    public int Unknown => _unknown;

    /// <summary>Reads that were answered and checked.</summary>
    public int Reads => _reads;

    /// <summary>Unknown operations that were sent again with the same key until they were acknowledged.</summary>
    public int Settled => _settled;

    public int Violated => _violated;

    /// <summary>The first of them.</summary>
    public IReadOnlyList<string> Violations => [.. _violations];

    /// <summary>Answers other than success, by kind.</summary>
    public IReadOnlyDictionary<string, int> Answers => _answers.OrderBy(a => a.Key, StringComparer.Ordinal).ToDictionary();

    public Person Add()
    {
        Person person = new(Interlocked.Increment(ref _next));
        _people[person.Number] = person;
        return person;
    }

    public void Tell(Known now)
    {
        _ = now switch
        {
            Known.Present or Known.Absent => Interlocked.Increment(ref _acknowledged),
            Known.Refused => Interlocked.Increment(ref _refused),
            _ => Interlocked.Increment(ref _unknown),
        };
    }

    public void Settle() => Interlocked.Increment(ref _settled);

    public void Read() => Interlocked.Increment(ref _reads);

    public void Answer(string operation, string kind) => _answers.AddOrUpdate($"{operation}: {kind}", 1, (_, n) => n + 1);

    /// <summary>Something was right, and later than it may be.</summary>
    public void Late(string what)
    {
        if (untimed)
            Answer("late, not judged", what);
        else
            Violate(what);
    }

    public void Violate(string what)
    {
        if (Interlocked.Increment(ref _violated) <= Kept)
            _violations.Enqueue(what);
        if (folder is null)
            return;
        lock (_file)
            File.AppendAllText(Path.Combine(folder, "violations.log"), string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:HH:mm:ss.fff} {what}\n"));
    }
}
