using System.Collections;
using System.Globalization;
using System.Text.Json;

namespace IommuKit.Cli.Output;

/// <summary>
/// The fields of an output, in order. Each is stated as <c>{ name, meaning, value }</c>; behind them may be the digits that JSON and CSV have of a
/// number, <see cref="Maybe.Null"/> where the type does not say it, and how tables show it.
/// </summary>
/// <param name="name">How docs/json.md marks the table of these fields.</param>
/// <typeparam name="T">What the output tells of.</typeparam>
internal sealed class FieldList<T>(string name) : IFieldList, IEnumerable<Field<T>>
{
    private readonly List<Field<T>> _fields = [];

    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public IReadOnlyList<(string Name, string Type, string Meaning)> Rows => [.. _fields.Select(one => (one.Name, one.Type, one.Meaning))];

    /// <summary>The columns of some fields, in the order of a table.</summary>
    public IEnumerable<Column<T>> Columns(params IEnumerable<string> names) => names.Select(Column);

    /// <summary>The column of a field.</summary>
    public Column<T> Column(string name) => _fields.Find(field => field.Name == name)?.Column
        ?? throw new ArgumentException($"There is no column of {name}.", nameof(name));

    public IEnumerator<Field<T>> GetEnumerator() => _fields.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Writes one object.</summary>
    public void WriteJson(Utf8JsonWriter json, T item)
    {
        json.WriteStartObject();
        foreach (var field in _fields)
        {
            json.WritePropertyName(field.Name);
            field.WriteJson(json, item);
        }

        json.WriteEndObject();
    }

    /// <summary>The columns of CSV.</summary>
    public IEnumerable<CsvColumn<T>> CsvColumns(IReadOnlyList<T> items) => _fields.SelectMany(field => field.CsvColumns(items));

    /// <summary>Takes the fields of something that this is made of.</summary>
    public void Add<TPart>(IEnumerable<Field<TPart>> fields, Func<T, TPart> part)
    {
        foreach (var field in fields)
        {
            _fields.Add(new PartField<TPart>(field, part));
        }
    }

    public void Add(string name, string meaning, Func<T, string> value, Shown<string>? shown = null) => Value(
        "string", name, meaning, value, (json, text) => json.WriteStringValue(text), Csv.TextOf, shown, text => text, isNumber: false);

    public void Add(string name, string meaning, Func<T, string?> value, Maybe missing, Shown<string?>? shown = null) => Value(
        OrNull("string", missing),
        name,
        meaning,
        value,
        (json, text) => json.WriteStringValue(text),
        text => text is null ? null : Csv.TextOf(text),
        shown,
        text => text ?? string.Empty,
        isNumber: false);

    public void Add(string name, string meaning, Func<T, long> value, Shown<long>? shown = null) =>
        Value("integer", name, meaning, value, (json, number) => json.WriteNumberValue(number), Invariant, shown, Numbers.Count);

    public void Add(string name, string meaning, Func<T, ulong> value, Shown<ulong>? shown = null) =>
        Value("integer", name, meaning, value, (json, number) => json.WriteNumberValue(number), Invariant, shown, number => Numbers.Count((long)number));

    public void Add(string name, string meaning, Func<T, double> value, Shown<double>? shown = null) =>
        Value("number", name, meaning, value, (json, number) => json.WriteNumberValue(number), Invariant, shown, Invariant);

    /// <summary>A number of which JSON and CSV have some digits behind the point, and tables as many as they show.</summary>
    public void Add(string name, string meaning, Func<T, double> value, int digits, Shown<double>? shown = null) => Value(
        "number",
        name,
        meaning,
        value,
        (json, number) => json.WriteNumberValue(Math.Round(number, digits)),
        number => Invariant(Math.Round(number, digits)),
        shown,
        Invariant);

    public void Add(string name, string meaning, Func<T, decimal> value, Shown<decimal>? shown = null) =>
        Value("number", name, meaning, value, (json, number) => json.WriteNumberValue(number), Invariant, shown, Invariant);

    public void Add(string name, string meaning, Func<T, bool> value, Shown<bool>? shown = null) =>
        Value("boolean", name, meaning, value, (json, yes) => json.WriteBooleanValue(yes), yes => yes.ToString(), shown, yes => yes ? "yes" : "no");

    public void Add(string name, string meaning, Func<T, long?> value, Shown<long?>? shown = null) =>
        Missing("integer", name, meaning, value, (json, number) => json.WriteNumberValue(number), Invariant, shown);

    public void Add(string name, string meaning, Func<T, ulong?> value, Shown<ulong?>? shown = null) =>
        Missing("integer", name, meaning, value, (json, number) => json.WriteNumberValue(number), Invariant, shown);

    public void Add(string name, string meaning, Func<T, double?> value, Shown<double?>? shown = null) =>
        Missing("number", name, meaning, value, (json, number) => json.WriteNumberValue(number), Invariant, shown);

    public void Add(string name, string meaning, Func<T, double?> value, int digits, Shown<double?>? shown = null) =>
        Missing(
            "number",
            name,
            meaning,
            value,
            (json, number) => json.WriteNumberValue(Math.Round(number, digits)),
            number => Invariant(Math.Round(number, digits)),
            shown);

    public void Add(string name, string meaning, Func<T, bool?> value) =>
        Missing("boolean", name, meaning, value, (json, yes) => json.WriteBooleanValue(yes), yes => yes.ToString(), null);

    /// <summary>A list, which has no place in CSV.</summary>
    public void Add(string name, string meaning, Func<T, IEnumerable<string>> value) =>
        Value("array of strings", name, meaning, value, WriteArray<string>((json, text) => json.WriteStringValue(text)));

    public void Add(string name, string meaning, Func<T, IEnumerable<int>> value) =>
        Value("array of integers", name, meaning, value, WriteArray<int>((json, number) => json.WriteNumberValue(number)));

    /// <summary>Numbers by name, which have no place in CSV.</summary>
    public void Add(string name, string meaning, Func<T, IEnumerable<KeyValuePair<string, long>>> value) =>
        Value("object", name, meaning, value, (json, numbers) =>
        {
            json.WriteStartObject();
            foreach (var (key, number) in numbers)
            {
                json.WriteNumber(key, number);
            }

            json.WriteEndObject();
        });

    /// <summary>Values by name, of which JSON and CSV have those that occur.</summary>
    public void Add(string name, string meaning, NamedValues<T> values) => _fields.Add(new NamedValuesField(name, meaning, values));

    /// <summary>An object with fields of its own, which has no place in CSV.</summary>
    public void Add<TPart>(string name, string meaning, FieldList<TPart> fields, Func<T, TPart> value) =>
        Value("object", name, meaning, value, (json, part) => fields.WriteJson(json, part));

    public void Add<TPart>(string name, string meaning, FieldList<TPart> fields, Func<T, TPart?> value, Maybe missing)
        where TPart : class =>
        Value(OrNull("object", missing), name, meaning, value, OrNull<TPart>(fields.WriteJson));

    /// <summary>Several objects with fields of their own, which have no place in CSV.</summary>
    public void Add<TPart>(string name, string meaning, FieldList<TPart> fields, Func<T, IEnumerable<TPart>> value) =>
        Value("array", name, meaning, value, WriteArray<TPart>(fields.WriteJson));

    public void Add<TPart>(string name, string meaning, FieldList<TPart> fields, Func<T, IEnumerable<TPart>?> value, Maybe missing) =>
        Value(OrNull("array", missing), name, meaning, value, OrNull(WriteArray<TPart>(fields.WriteJson)));

    private static string OrNull(string type, Maybe missing) => missing == Maybe.Null ? $"{type} or null" : type;

    private static Action<Utf8JsonWriter, TValue?> OrNull<TValue>(Action<Utf8JsonWriter, TValue> write)
        where TValue : class => (json, value) =>
    {
        if (value is null)
        {
            json.WriteNullValue();
        }
        else
        {
            write(json, value);
        }
    };

    private static Action<Utf8JsonWriter, IEnumerable<TItem>> WriteArray<TItem>(Action<Utf8JsonWriter, TItem> writeItem) => (json, items) =>
    {
        json.WriteStartArray();
        foreach (var item in items)
        {
            writeItem(json, item);
        }

        json.WriteEndArray();
    };

    private static string Invariant<TValue>(TValue value)
        where TValue : IFormattable => value.ToString(null, CultureInfo.InvariantCulture);

    private void Missing<TValue>(
        string type,
        string name,
        string meaning,
        Func<T, TValue?> value,
        Action<Utf8JsonWriter, TValue> writeJson,
        Func<TValue, string> toCsv,
        Shown<TValue?>? shown)
        where TValue : struct => Value(
            OrNull(type, Maybe.Null),
            name,
            meaning,
            value,
            (json, some) =>
            {
                if (some is { } known)
                {
                    writeJson(json, known);
                }
                else
                {
                    json.WriteNullValue();
                }
            },
            some => some is { } known ? toCsv(known) : null,
            shown,
            some => some is { } known ? toCsv(known) : string.Empty);

    private void Value<TValue>(
        string type,
        string name,
        string meaning,
        Func<T, TValue> value,
        Action<Utf8JsonWriter, TValue> writeJson,
        Func<TValue, string?>? toCsv = null,
        Shown<TValue>? shown = null,
        Func<TValue, string>? format = null,
        bool isNumber = true)
    {
        var column = shown is null ? null
            : new Column<T>(shown.Header, shown.Rank, item => (shown.Format ?? format!)(value(item)), isNumber && shown.IsNumber);
        _fields.Add(new ValueField<TValue>(name, type, meaning, value, writeJson, toCsv, column));
    }

    private sealed class ValueField<TValue>(
        string name,
        string type,
        string meaning,
        Func<T, TValue> value,
        Action<Utf8JsonWriter, TValue> writeJson,
        Func<TValue, string?>? toCsv,
        Column<T>? column) : Field<T>(name, type, meaning)
    {
        public override Column<T>? Column => column;

        public override void WriteJson(Utf8JsonWriter json, T item) => writeJson(json, value(item));

        public override IEnumerable<CsvColumn<T>> CsvColumns(IReadOnlyList<T> items) =>
            toCsv is null ? [] : [new CsvColumn<T>(Name, item => toCsv(value(item)))];
    }

    private sealed class NamedValuesField(string name, string meaning, NamedValues<T> values) : Field<T>(name, "object", meaning)
    {
        public override void WriteJson(Utf8JsonWriter json, T item)
        {
            json.WriteStartObject();
            foreach (string key in values.NamesOf(item))
            {
                if (values.Find(item, key) is { } value)
                {
                    json.WritePropertyName(key);
                    value.WriteTo(json);
                }
            }

            json.WriteEndObject();
        }

        public override IEnumerable<CsvColumn<T>> CsvColumns(IReadOnlyList<T> items) => items
            .SelectMany(values.NamesOf)
            .Distinct(StringComparer.Ordinal)
            .Where(key => items.Any(item => values.Find(item, key) is not null))
            .Select(key => new CsvColumn<T>($"{Name}.{key}", item => values.Find(item, key)?.ToString() ?? values.Missing));
    }

    /// <summary>A field of something that the object is made of.</summary>
    private sealed class PartField<TPart>(Field<TPart> inner, Func<T, TPart> part) : Field<T>(inner.Name, inner.Type, inner.Meaning)
    {
        public override Column<T>? Column =>
            inner.Column is { } column ? new Column<T>(column.Header, column.Rank, item => column.Cell(part(item)), column.IsNumber) : null;

        public override void WriteJson(Utf8JsonWriter json, T item) => inner.WriteJson(json, part(item));

        public override IEnumerable<CsvColumn<T>> CsvColumns(IReadOnlyList<T> items) =>
            inner.CsvColumns([.. items.Select(part)]).Select(column => new CsvColumn<T>(column.Name, item => column.Cell(part(item))));
    }
}
