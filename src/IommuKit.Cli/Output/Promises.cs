using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>Marks policies that promise less than others, and says what they leave.</summary>
internal static class Promises
{
    private const string LeftFor = "Left for";
    private const string LeftForVirtual = "Left for (virtual)";

    /// <summary>What a field <c>policy</c> says.</summary>
    public const string PolicyMeaning = "`PerPage`, `RangeFlush`, `SplitSync`, `Gather`, `Deferred` or `Explicit`";

    /// <summary>What a field <c>promises_all</c> says.</summary>
    public const string AllMeaning = "whether no device can reach what was unmapped once unmap has returned: not under `Deferred` and `Explicit`";

    /// <summary>The name of a policy, with a mark if it promises less.</summary>
    public static string Marked(SyncPolicy policy) => policy.IsFull() ? policy.ToString() : $"{policy} *";

    /// <summary>What the mark means; null if none of the policies has it.</summary>
    public static string? Note(IEnumerable<SyncPolicy> policies)
    {
        SyncPolicy[] less = [.. policies.Where(policy => !policy.IsFull()).Distinct()];
        if (less.Length == 0)
        {
            return null;
        }

        string until = string.Join(", ", less.Select(policy => policy == SyncPolicy.Deferred
            ? $"until its queue is drained ({policy})"
            : $"until the caller flushes ({policy})"));
        return $"* promises less: when unmap returns, devices can still reach what was unmapped, {until}. 'iommukit policies' says more.";
    }

    /// <summary>When a replay flushes under policies that put that off.</summary>
    public static IEnumerable<string> When(IEnumerable<SyncPolicy> policies)
    {
        SyncPolicy[] all = [.. policies];
        if (all.Contains(SyncPolicy.RangeFlush))
        {
            yield return "RangeFlush: flushes after maps as after unmaps, which it cannot tell apart.";
        }

        if (all.Contains(SyncPolicy.Deferred))
        {
            yield return "Deferred: flushed when 255 ranges wait and one more comes, 10 ms after the first of them, or before one is mapped again.";
        }

        if (all.Contains(SyncPolicy.Explicit))
        {
            yield return "Explicit: flushed where the trace turns from maps to unmaps or back, as a caller might.";
        }
    }

    /// <summary>All that is to be said of what results of one trace leave, for a page without a legend.</summary>
    public static IEnumerable<string> Sentences(IReadOnlyList<ReplayResult> results)
    {
        var policies = results.Select(result => result.Policy).ToList();
        return
        [
            .. Note(policies) is { } note ? [note] : Array.Empty<string>(),
            .. Meanings(results[0].Trace.HasTimes).Select(meaning => $"{meaning.Header}: {meaning.Meaning}."),
            .. When(policies),
        ];
    }

    /// <summary>The columns of what is left, for results of one trace: pages, and for how long by one clock.</summary>
    /// <param name="hasTimes">Whether the trace has times; if not, the duration is virtual.</param>
    public static IReadOnlyList<Column<ReplayResult>> Columns(bool hasTimes) =>
    [
        new("Left pages", 1, result => Pages(result.Exposure.PagesMax)),
        new(
            hasTimes ? LeftFor : LeftForVirtual,
            2,
            result => result.Exposure.Unmaps == 0 ? "–" : LongestOf(result)),
    ];

    /// <summary>What a policy that promises less has left reachable, in a sentence.</summary>
    public static string Left(ReplayResult result) => result.Exposure.Unmaps == 0
        ? $"{Marked(result.Policy)} has left nothing reachable on this trace when an unmap returned."
        : $"{Marked(result.Policy)} leaves up to {Numbers.Count(result.Exposure.PagesMax, "page")} reachable after their unmap, for up to {LongestOf(result)}"
            + (result.Trace.HasTimes ? " of the trace's time." : " of virtual time.");

    /// <summary>Until when a policy that promises less leaves what was unmapped reachable, in a sentence.</summary>
    public static string LeftUntil(SyncPolicy policy) =>
        $"{Marked(policy)} leaves what was unmapped reachable {(policy == SyncPolicy.Deferred ? "until its queue is drained" : "until the caller flushes")}.";

    private static string LongestOf(ReplayResult result) =>
        Durations.Short(result.Trace.HasTimes ? result.Exposure.RecordedMax ?? 0 : result.Exposure.VirtualMax * 1000);

    /// <summary>A number of pages that were left reachable.</summary>
    public static string Pages(long pages) => pages == 0 ? "–" : Numbers.Count(pages);

    /// <summary>What the columns mean.</summary>
    public static IReadOnlyList<(string Header, string Meaning)> Meanings(bool hasTimes) =>
    [
        (
            "Left pages",
            "the most pages that were unmapped and still reachable at a time; the verdict's options follow Linux's own rules, and leave other numbers"),
        hasTimes
            ? (LeftFor, "for how long at most until a flush ended it, in the trace's own time, in which a modelled flush takes none")
            : (LeftForVirtual, "for how long at most until a flush ended it, in virtual time, as the trace has none: time between calls is not in it"),
    ];
}
