using System.Globalization;

namespace IommuKit.Cli.Invocation;

/// <summary>What the environment says about how to write.</summary>
/// <param name="Columns">Columns of a line where no terminal knows (<c>COLUMNS</c>); null if it says nothing that can be used.</param>
/// <param name="IsPlain">Whether colours are not wanted (<c>NO_COLOR</c> holds something).</param>
internal sealed record Surroundings(int? Columns, bool IsPlain)
{
    // Below, no table says anything; above, it is nobody's window.
    private const int FewestColumns = 20;
    private const int MostColumns = 4096;

    /// <summary>Nothing is said.</summary>
    public static Surroundings None { get; } = new(null, IsPlain: false);

    /// <summary>Reads the environment.</summary>
    /// <param name="variable">The value of a variable; null if it is not set.</param>
    public static Surroundings Of(Func<string, string?> variable) => new(
        int.TryParse(variable("COLUMNS"), NumberStyles.None, CultureInfo.InvariantCulture, out int columns)
            && columns is >= FewestColumns and <= MostColumns
            ? columns
            : null,
        !string.IsNullOrEmpty(variable("NO_COLOR")));
}
