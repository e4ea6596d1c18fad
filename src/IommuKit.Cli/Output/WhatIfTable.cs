using IommuKit.Lab.Machines;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The table of <c>iommukit replay --what-if</c>: what a case takes, and beside it what it leaves reachable.</summary>
internal static class WhatIfTable
{
    /// <summary>The table of a file.</summary>
    /// <param name="console">Where it is to be written: where its time and what it leaves do not fit beside its name, that takes two lines.</param>
    /// <param name="isMarkdown">Whether it is Markdown, which has no width.</param>
    /// <param name="title">Its title.</param>
    /// <param name="cases">All cases of the file.</param>
    /// <param name="rows">Its rows.</param>
    public static ColumnTable Of(IAnsiConsole console, bool isMarkdown, string title, WhatIfCase[] cases, IReadOnlyList<WhatIfRow> rows)
    {
        bool isOneMachine = rows.All(row => row.Result.Iommu == rows[0].Result.Iommu);
        bool isOneTuning = rows.All(row => row.Options == rows[0].Options);
        Column<WhatIfRow>[] numbers = [.. Numbers(cases)];
        var wide = ColumnTable.Of(
            title,
            isMarkdown,
            [
                Best(cases),
                .. isOneMachine ? [] : new[] { new Column<WhatIfRow>("IOMMU", 0, row => row.Result.Iommu, IsNumber: false) },
                Policy,
                .. isOneTuning ? [] : new[] { new Column<WhatIfRow>("Options", 0, row => row.Options, IsNumber: false) },
                .. numbers,
            ],
            rows);
        if (isMarkdown || (isOneMachine && isOneTuning) || wide.Fits(console))
        {
            return wide;
        }

        Column<WhatIfRow>[] columns = [Best(cases), Policy, .. numbers];
        var narrow = new ColumnTable(title, isMarkdown);
        foreach (var column in columns)
        {
            narrow.AddColumn(column.Header, column.Rank, column.IsNumber);
        }

        foreach (var row in rows)
        {
            string?[] rest = [isOneMachine ? null : row.Result.Iommu, isOneTuning ? null : row.Options];
            narrow.AddRow([.. columns.Select(column => column.Cell(row))]);
            narrow.AddRow([.. columns.Select(column => column == Policy ? $"  {string.Join(' ', rest.OfType<string>())}" : string.Empty)]);
        }

        return narrow;
    }

    private static Column<WhatIfRow> Policy { get; } = new("Policy", 0, row => Outcome.NamesOf(row.Policies), IsNumber: false);

    private static Column<WhatIfRow> Best(WhatIfCase[] cases)
    {
        var best = Array.Find(cases, one => one.IsBest)?.Result;
        return new("Best", 0, row => best is not null && Outcome.Of(best) == Outcome.Of(row.Result) ? "best" : string.Empty, IsNumber: false);
    }

    private static IEnumerable<Column<WhatIfRow>> Numbers(WhatIfCase[] cases)
    {
        Column<WhatIfCase>[] columns =
        [
            .. WhatIfOutput.Fields.Columns("virtual_us", "time_ratio"),
            // Nobody is to see what a case saves without what it leaves.
            .. Promises.Columns(cases[0].Result.Trace.HasTimes).Select(column => new Column<WhatIfCase>(column.Header, 0, one => column.Cell(one.Result))),
            .. WhatIfOutput.Fields.Columns("maintenance", "maintenance_ratio"),
            new("TLB flushes", 5, one => Output.Numbers.Count(one.Result.Counts.For(OperationPurpose.Tlb))),
            new("PTC flushes", 8, one => Output.Numbers.Count(one.Result.Counts.For(OperationPurpose.TableCache))),
            new("Waits", 6, one => Output.Numbers.Count(one.Result.Counts[OperationKind.Wait])),
            new("Lines", 9, one => Output.Numbers.Count(one.Result.Counts[OperationKind.LineCleaned])),
            .. WhatIfOutput.Fields.Columns("map_p99_us", "unmap_p99_us", "skipped"),
        ];
        return columns.Select(column => new Column<WhatIfRow>(column.Header, column.Rank, row => column.Cell(CaseOf(row)), column.IsNumber));

        WhatIfCase CaseOf(WhatIfRow row) => Array.Find(cases, one => ReferenceEquals(one.Result, row.Result))!;
    }
}
