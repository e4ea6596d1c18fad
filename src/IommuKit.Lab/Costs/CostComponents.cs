using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Costs;

/// <summary>What operations cost, kind by kind. Kinds that are left out cost nothing, and say that nobody knows it.</summary>
public sealed class CostComponents : IEquatable<CostComponents>
{
    private static readonly CostComponent NotInTheFile =
        new(0, "assumed", "Not in the file; what it costs is contained in what else happens for each page.");

    private readonly CostComponent?[] _components = new CostComponent?[OperationKinds.All.Count];

    /// <summary>Takes what is known.</summary>
    /// <param name="components">The kinds that have a cost.</param>
    public CostComponents(IEnumerable<KeyValuePair<OperationKind, CostComponent>> components)
    {
        ArgumentNullException.ThrowIfNull(components);
        foreach (var (kind, component) in components)
        {
            _components[(int)kind] = component;
        }

        Kinds = [.. OperationKinds.All.Where(Has)];
    }

    /// <summary>The kinds that have a cost, in order.</summary>
    public IReadOnlyList<OperationKind> Kinds { get; }

    /// <summary>What a kind costs: 0 and assumed where it is left out.</summary>
    public CostComponent this[OperationKind kind] => _components[(int)kind] ?? NotInTheFile;

    /// <summary>Whether a kind has a cost.</summary>
    public bool Has(OperationKind kind) => _components[(int)kind] is not null;

    /// <summary>The costs in microseconds as a vector with an element for each <see cref="OperationKind"/>.</summary>
    public double[] ToVector() => [.. OperationKinds.All.Select(kind => this[kind].Us)];

    /// <inheritdoc/>
    public bool Equals(CostComponents? other) => other is not null && _components.AsSpan().SequenceEqual(other._components);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as CostComponents);

    /// <inheritdoc/>
    public override int GetHashCode() => Kinds.Aggregate(0, (hash, kind) => HashCode.Combine(hash, kind, this[kind]));
}
