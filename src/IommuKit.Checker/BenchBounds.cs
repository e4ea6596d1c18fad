using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker;

/// <summary>The least maintenance that the operations of a bench need.</summary>
public static class BenchBounds
{
    /// <summary>What <see cref="BenchOptions.Least"/> is to be.</summary>
    /// <param name="options">The bench.</param>
    /// <param name="find">The target that checks a kind of IOMMU, by its name; null if there is none.</param>
    public static Func<IommuKind, MappingOperation, ulong, OperationCounts?> Of(BenchOptions options, Func<string, CheckTarget?> find)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(find);

        // It does not depend on the policy.
        var known = new Dictionary<(string, MappingOperation, ulong), OperationCounts?>();
        bool usesSuperpages = options.Settings.UsesSuperpages && options.Layout == BenchLayout.Contiguous;
        return (kind, operation, size) =>
        {
            if (!known.TryGetValue((kind.Name, operation, size), out var least))
            {
                least = find(kind.Name)?.LeastFor(new MappingShape(
                    BenchSteps.Iova, size, operation == MappingOperation.Map, usesSuperpages, options.Tables == BenchTables.Existing));
                known.Add((kind.Name, operation, size), least);
            }

            return least;
        };
    }
}
