using System.Globalization;
using Spectre.Console;

namespace FaceSearch.FaultBench.Reports;

/// <summary>Where a scenario says how far it is.</summary>
internal interface IProgressLine
{
    void Begin(int rounds);

    void Advance(string state, int by = 1);

    void Note(string state);
}

/// <summary>A bar at a terminal.</summary>
internal sealed class BarLine(ProgressTask task, string name) : IProgressLine
{
    public void Begin(int rounds) => task.MaxValue = rounds;

    public void Advance(string state, int by = 1)
    {
        task.Increment(by);
        Note(state);
    }

    public void Note(string state) => task.Description = Markup.Escape($"{name}: {state}");
}

/// <summary>Lines in a file or a pipe.</summary>
internal sealed class TextLine(string name) : IProgressLine
{
    private int _done, _rounds;

    public void Begin(int rounds) => _rounds = rounds;

    public void Advance(string state, int by = 1)
    {
        _done += by;
        Note(state);
    }

    public void Note(string state) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTime.Now:HH:mm:ss} {name} {_done}/{_rounds}: {state}"));
}
