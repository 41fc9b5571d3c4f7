using FaceSearch.FaultBench.Reports;

namespace FaceSearch.FaultBench.Scenarios;

/// <summary>How much of a fault is given, and where.</summary>
/// <param name="Dose">Rounds, seconds or operations, as the scenario says; null: the scenario's own for the length.</param>
/// <param name="IsLong">The long dose rather than the short one.</param>
/// <param name="IsUntimed">Times are reported and not judged.</param>
/// <param name="SiloDll">The program under test.</param>
/// <param name="BeforeDll">The version before it, for a scenario that needs one.</param>
/// <param name="Folder">A folder of this run; the cluster's data and logs.</param>
/// <param name="Rate">Operations a second of the clients.</param>
/// <param name="Seed">Of every choice.</param>
/// <param name="Until">When to begin no further round.</param>
/// <param name="Progress">What to draw.</param>
internal sealed record Run(int? Dose, bool IsLong, bool IsUntimed, string SiloDll, string? BeforeDll, string Folder, double Rate, int Seed, DateTime Until, IProgressLine Progress)
{
    public bool IsOver => DateTime.UtcNow > Until;
}

/// <summary>One row of the table of faults.</summary>
internal abstract class Scenario
{
    /// <summary>As <c>--only</c> names it.</summary>
    public abstract string Name { get; }

    /// <summary>What is done, in a few words.</summary>
    public abstract string Fault { get; }

    /// <summary>What must hold.</summary>
    public abstract string Pass { get; }

    /// <summary>What the dose counts.</summary>
    public abstract string Unit { get; }

    public abstract (int Short, int Long) Doses { get; }

    /// <summary>Whether it needs network namespaces.</summary>
    public virtual bool IsWired => false;

    /// <summary>Whether it needs the binaries of a second version (<c>--before</c>).</summary>
    public virtual bool NeedsBefore => false;

    /// <summary>Why it cannot run here; null if it can.</summary>
    public abstract string? Missing { get; }

    public abstract Task RunAsync(Run run, Row row);
}
