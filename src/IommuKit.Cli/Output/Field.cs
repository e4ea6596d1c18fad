using System.Globalization;
using System.Text.Json;

namespace IommuKit.Cli.Output;

/// <summary>
/// A field of an output, stated once: JSON, CSV, the column of a table and the documentation all come from the statement. <see cref="FieldList{T}"/>
/// makes them.
/// </summary>
/// <param name="name">Its name in JSON and CSV.</param>
/// <param name="type">What JSON has, in words.</param>
/// <param name="meaning">What it says, as docs/json.md has it.</param>
/// <typeparam name="T">What the output tells of.</typeparam>
internal abstract class Field<T>(string name, string type, string meaning)
{
    public string Name => name;

    public string Type => type;

    public string Meaning => meaning;

    /// <summary>Its column in tables; null if they do not show it.</summary>
    public virtual Column<T>? Column => null;

    /// <summary>Writes the value for one object.</summary>
    public abstract void WriteJson(Utf8JsonWriter json, T item);

    /// <summary>Its columns in CSV: one, or none for what has no place in a cell, or one for each name that occurs in any of the objects.</summary>
    public virtual IEnumerable<CsvColumn<T>> CsvColumns(IReadOnlyList<T> items) => [];
}

/// <summary>A column of CSV.</summary>
/// <param name="Name">Its header.</param>
/// <param name="Cell">The text of a cell; null for an empty one.</param>
internal sealed record CsvColumn<T>(string Name, Func<T, string?> Cell);

/// <summary>A column of a table.</summary>
/// <param name="Header">Its header.</param>
/// <param name="Rank">0 if it must be there; the higher, the sooner it is left out where the terminal is narrow.</param>
/// <param name="Cell">The text of a cell.</param>
/// <param name="IsNumber">Whether it holds numbers.</param>
internal sealed record Column<T>(string Header, int Rank, Func<T, string> Cell, bool IsNumber = true);

/// <summary>How a table shows the value of a field.</summary>
/// <param name="Header">The header of its column.</param>
/// <param name="Rank">0 if it must be there; the higher, the sooner it is left out where the terminal is narrow.</param>
/// <param name="Format">The text of a value; null for the usual one.</param>
/// <param name="IsNumber">Whether numbers are to be shown as such, to the right; text never is.</param>
internal sealed record Shown<TValue>(string Header, int Rank = 0, Func<TValue, string>? Format = null, bool IsNumber = true);

/// <summary>Values by name, each of which an object may have or not.</summary>
/// <param name="NamesOf">The names that an object may have, in order.</param>
/// <param name="Find">The value of a name; null if the object has none.</param>
/// <param name="Missing">What a cell of CSV has in place of a missing one.</param>
internal sealed record NamedValues<T>(Func<T, IEnumerable<string>> NamesOf, Func<T, string, NamedValue?> Find, string Missing)
{
    public NamedValues(IReadOnlyList<string> names, Func<T, string, NamedValue?> find, string missing)
        : this(_ => names, find, missing)
    {
    }
}

/// <summary>A number, a switch that is on, or a text.</summary>
internal readonly record struct NamedValue(long Number, bool IsSwitch = false, string? Text = null)
{
    public void WriteTo(Utf8JsonWriter json)
    {
        if (Text is not null)
        {
            json.WriteStringValue(Text);
        }
        else if (IsSwitch)
        {
            json.WriteBooleanValue(true);
        }
        else
        {
            json.WriteNumberValue(Number);
        }
    }

    public override string ToString() => Text ?? (IsSwitch ? bool.TrueString : Number.ToString(CultureInfo.InvariantCulture));
}

/// <summary>Says that a value may be missing: null in JSON, an empty cell in CSV.</summary>
internal enum Maybe
{
    /// <summary>It may be null.</summary>
    Null,
}
