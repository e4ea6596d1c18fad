namespace IommuKit.Lab.Machines;

/// <summary>
/// Values of tuning options. What is not in it is 0: what the driver does by itself. Two are equal if the values of all options are, by name.
/// </summary>
public sealed class TuningValues : IEquatable<TuningValues>
{
    private readonly (TuningOption Option, int Value)[] _values;

    private TuningValues((TuningOption Option, int Value)[] values) => _values = values;

    /// <summary>Nothing is tuned.</summary>
    public static TuningValues None { get; } = new([]);

    /// <summary>All that was set, also to 0, in the order in which it was.</summary>
    public IReadOnlyList<(TuningOption Option, int Value)> All => _values;

    /// <summary>The value of the option of some name.</summary>
    public int this[string name] => Array.Find(_values, pair => pair.Option.Name == name).Value;

    /// <summary>The value of an option.</summary>
    public int this[TuningOption option]
    {
        get
        {
            ArgumentNullException.ThrowIfNull(option);
            return this[option.Name];
        }
    }

    /// <summary>The same with another value of an option.</summary>
    public TuningValues With(TuningOption option, int value)
    {
        ArgumentNullException.ThrowIfNull(option);
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        return new TuningValues([.. _values.Where(pair => pair.Option.Name != option.Name), (option, value)]);
    }

    /// <inheritdoc/>
    public bool Equals(TuningValues? other) =>
        other is not null
        && _values.All(pair => other[pair.Option] == pair.Value)
        && other._values.All(pair => this[pair.Option] == pair.Value);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as TuningValues);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        // In whatever order they were set.
        int hash = 0;
        foreach (var (option, value) in _values)
        {
            hash ^= value == 0 ? 0 : HashCode.Combine(option.Name, value);
        }

        return hash;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join(
        ' ', _values.Where(pair => pair.Value != 0).Select(pair => $"{pair.Option.Name}={pair.Option.Text(pair.Value)}"));
}
