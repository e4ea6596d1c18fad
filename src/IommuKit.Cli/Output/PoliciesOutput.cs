using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>A policy, and what an unmap takes under it.</summary>
/// <param name="Guide">The policy in words.</param>
/// <param name="Unmap">An unmap as an example.</param>
internal sealed record PolicyExample(PolicyGuide Guide, BenchRow Unmap);

/// <summary>What <c>iommukit policies</c> says: a section for each.</summary>
internal static class PoliciesOutput
{
    /// <summary>A policy.</summary>
    public static FieldList<PolicyExample> Fields { get; } = new("policies")
    {
        { "policy", Promises.PolicyMeaning, policy => policy.Guide.Policy.ToString() },
        { "known_from", "in words: where it comes from", policy => policy.Guide.KnownFrom },
        { "does", "what it does", policy => policy.Guide.Does },
        { "promises", "what may be relied on", policy => policy.Guide.Promises },
        { "promises_all", Promises.AllMeaning, policy => policy.Guide.Policy.IsFull() },
        { "costs", "what it takes", policy => policy.Guide.Costs },
        { "choose_if", "whom it is for", policy => policy.Guide.ChooseIf },
        { "example_iommu", "the modelled IOMMU of the example", policy => policy.Unmap.Iommu },
        { "example_bytes", "the size of the unmap of the example", policy => policy.Unmap.Size },
        { "example_unmap_virtual_us", "`virtual_us` of it, as `bench` has it", policy => policy.Unmap.VirtualMicroseconds, 3 },
        { "example_operations", "`maintenance` of it, as `bench` has it", policy => policy.Unmap.Counts.Maintenance },
        { "example_reachable_pages", "`reachable_pages` of it, as `bench` has it", policy => policy.Unmap.ReachablePages },
    };

    public static void Write(Results results, IReadOnlyList<PolicyExample> policies) =>
        results.Write(Fields, policies, (console, isMarkdown) => WriteText(console, policies, isMarkdown));

    private static void WriteText(IAnsiConsole console, IReadOnlyList<PolicyExample> policies, bool isMarkdown)
    {
        var sections = new Sections(console, isMarkdown, policies.Max(policy => policy.Guide.Policy.ToString().Length) + 2);
        sections.Plain("A flush policy says when the caches of an IOMMU are brought into step after map and unmap, and in how many pieces.");
        foreach (var policy in policies)
        {
            bool promisesAll = policy.Guide.Policy.IsFull();
            string mark = promisesAll ? string.Empty : " *";
            sections.Section(
                policy.Guide.Policy + mark,
                [
                    new(policy.Guide.Does),
                    new($"Promises: {policy.Guide.Promises}", promisesAll ? null : new Style(Color.Yellow)),
                    new($"Costs: {policy.Guide.Costs}"),
                    new($"Choose it if: {policy.Guide.ChooseIf}"),
                    new($"From: {policy.Guide.KnownFrom}. {Example(policy.Unmap)}"),
                ]);
        }

        sections.Blank();
        sections.Plain("* promises less than the others. 'iommukit replay TRACE' shows for how long, and of how many pages, with your own trace.");
        sections.Plain("Examples are virtual time: operations times their cost, on the machine that the costs are for.");
        sections.Write();
    }

    private static string Example(BenchRow unmap)
    {
        string left = unmap.ReachablePages == 0 ? string.Empty
            : $", and leave {Numbers.Count(unmap.ReachablePages, "page")} reachable until the flush that is counted here";
        return $"If this were a {unmap.Iommu}, an unmap of {ByteSize.Format(unmap.Size)} would take "
            + $"{Numbers.Microseconds(unmap.VirtualMicroseconds)} µs{left}.";
    }
}

/// <summary>A flush policy in the words of somebody who has to choose one.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="KnownFrom">Where it comes from.</param>
/// <param name="Does">What it does.</param>
/// <param name="Promises">What the caller of map and unmap may rely on.</param>
/// <param name="Costs">What it takes.</param>
/// <param name="ChooseIf">Whom it is for.</param>
internal sealed record PolicyGuide(SyncPolicy Policy, string KnownFrom, string Does, string Promises, string Costs, string ChooseIf)
{
    private const string Full = "When unmap returns, no device can reach what was unmapped: its memory may be used for something else at once. "
        + "When map returns, devices can use the mapping.";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<PolicyGuide> All { get; } =
    [
        new(
            SyncPolicy.PerPage,
            "drivers before 2015",
            "Flushes after every page: writes the entry back to memory, invalidates it in every cache of the IOMMU, and waits.",
            Full,
            "The most: invalidations, barriers and waits all grow with the number of pages, also where one would do for all.",
            "never, but to see what the others save."),
        new(
            SyncPolicy.RangeFlush,
            "the proposal of 2015",
            "Flushes once at the end of map and of unmap, for the whole range. The flush does not know which of the two it follows.",
            Full,
            "One wait for each call. On hardware that never caches entries that are not present, the flush after map is for nothing.",
            "the driver has a single function for flushing a range."),
        new(
            SyncPolicy.SplitSync,
            "the reply of 2015",
            "As RangeFlush, but map and unmap flush differently: each only what it needs.",
            Full,
            "As RangeFlush on hardware that caches entries that are not present; elsewhere map needs next to nothing.",
            "map and unmap can be told apart, but not what was stored."),
        new(
            SyncPolicy.Gather,
            "Linux today, strict mode",
            "Remembers exactly what a call stored, with its levels and tables, and flushes just that once at the end.",
            Full,
            "Usually the least of those that promise everything: a superpage is one entry, and what had not been mapped is not flushed.",
            "memory must be out of reach when unmap returns. If in doubt, this one."),
        new(
            SyncPolicy.Deferred,
            "Linux today, lazy mode",
            "Flushes maps at once. Unmaps wait in a queue, and one flush of everything ends them all: when the queue is full, when the oldest is "
                + "too old, or when one of their IOVAs is to be mapped again.",
            "Less: after unmap a device can reach the memory until the queue is drained. Until then its IOVA is not mapped again.",
            "One invalidation for many unmaps; but it drops what is still needed too, which devices must fetch again.",
            "devices are trusted, or memory is not used for anything else for some milliseconds."),
        new(
            SyncPolicy.Explicit,
            "what the proposal foresaw for GPU drivers",
            "Flushes nothing by itself. The caller does, once for as many maps and unmaps as it likes.",
            "Least: until the caller flushes, a device may not see what was mapped, and can reach what was unmapped. An IOVA that waits is flushed "
                + "before it is mapped again.",
            "As few flushes as the caller can do with.",
            "the caller knows when the device starts and stops, as GPU drivers do."),
    ];
}
