using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;

namespace IommuKit.Checker;

/// <summary>A wrong answer that was found, and how it comes about.</summary>
/// <param name="Case">The scenario, which can be run again.</param>
/// <param name="Violation">What is wrong.</param>
/// <param name="Verdict">What kind of mistake it is.</param>
/// <param name="Cause">In a sentence: what was not done.</param>
/// <param name="History">What was stored and what was flushed since, a line each.</param>
/// <param name="Demonstration">The wrong DMA in the model; null if none could be had.</param>
public sealed record CheckFinding(
    CheckCase Case,
    Violation Violation,
    Verdict Verdict,
    string Cause,
    IReadOnlyList<string> History,
    Demonstration? Demonstration)
{
    /// <summary>Whether the model did what the checker foresaw.</summary>
    public bool IsConfirmed => Demonstration is not null;

    /// <summary>Finds out about a failing scenario.</summary>
    public static CheckFinding From(CheckCase failing, Violation violation)
    {
        ArgumentNullException.ThrowIfNull(failing);
        ArgumentNullException.ThrowIfNull(violation);
        var history = EntryHistory.Of(failing, violation);
        var verdict = Diagnosis.VerdictOf(violation, history, failing.Configuration.Target);
        return new CheckFinding(
            failing,
            violation,
            verdict,
            Diagnosis.CauseOf(violation, verdict, history, failing.Configuration.Target.HasCoherentWalk),
            history.Lines,
            Demonstration.Find(failing, violation, history.Entries));
    }
}
