namespace IommuKit.Checker.Scenarios;

/// <summary>What is done at the ends of the address space: single operations and pairs, and two ranges that come and go together.</summary>
internal static class EndsScenarios
{
    /// <summary>All scenarios of a configuration.</summary>
    public static IEnumerable<CheckCase> Of(CheckConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var there = configuration with { Place = CheckPlace.Ends };
        return Sequences(there).Select(operations => new CheckCase(there, Bug: null, operations));
    }

    private static IEnumerable<CheckOperation[]> Sequences(CheckConfiguration configuration)
    {
        var ends = configuration.Target.Ends;
        foreach (var range in ends.Maps)
        {
            var map = Map(range, 0);
            foreach (var unmap in ends.Unmaps)
            {
                yield return [map, Unmap(unmap)];
            }
        }

        foreach (var beyond in ends.Beyond)
        {
            yield return [.. ends.Maps.Select(Map), Map(beyond, 1), Unmap(beyond)];
        }

        foreach (var one in ends.Maps)
        {
            foreach (var other in ends.Maps.Where(range => range != one))
            {
                // What is owed of both is joined where it may be, in the order in which it comes.
                yield return [Map(one, 0), Map(other, 1), Unmap(one), Unmap(other)];
                yield return [Map(one, 0), Map(other, 1), Unmap(one), Map(one, 2), Unmap(other)];
            }
        }
    }

    private static CheckOperation Map((ulong Iova, ulong Size) range, int buffer) =>
        new(CheckOperationKind.Map, 0, range.Iova, range.Size, buffer);

    private static CheckOperation Unmap((ulong Iova, ulong Size) range) => new(CheckOperationKind.Unmap, 0, range.Iova, range.Size);
}
