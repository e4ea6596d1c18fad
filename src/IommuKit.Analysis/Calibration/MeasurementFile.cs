using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;
using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Seed;
using IommuKit.Traces;

namespace IommuKit.Analysis.Calibration;

/// <summary>
/// Reads measured times: CSV with a header. Either a row for each time (operation, size, policy, us, and if wanted iommu and tables), or
/// the shape of the proposal's table, which has the times before and after the proposal in one row. docs/cost-model.md describes both.
/// </summary>
public static class MeasurementFile
{
    private const long MaxBytes = 16 << 20;
    private const int MaxRows = 100_000;
    private const string NoCsv = "is not CSV: a quote is open or out of place, or a field is too long";
    private const double MaxMicroseconds = 1e9;

    // A picosecond, which no clock tells. Nothing that is divided by it leaves what a double can hold.
    private const double MinMicroseconds = 1e-6;

    // The bench does each once, on a machine of its own, and fits without each size; the proposal's table has 12.
    private const int MaxKindsOfWork = 250;

    private static readonly string[] LongForm = ["operation", "size", "policy", "us"];
    private static readonly string[] LongFormOptions = ["iommu", "tables", "sample"];
    private static readonly string[] WideForm = ["operation", "size_bytes", "before_us", "after_us"];
    private static readonly string[] WideFormOptions = ["iommu", "tables", "sample", "size_label"];

    /// <summary>The proposal's table: before it a flush for each page, after it one for the range.</summary>
    public static IReadOnlyList<Measurement> SeedTable { get; } =
    [
        .. Lab.Seed.SeedTable.Rows.SelectMany(row => (Measurement[])
        [
            new(Work(row, SyncPolicy.PerPage), row.BeforeMicroseconds),
            new(Work(row, SyncPolicy.RangeFlush), row.AfterMicroseconds),
        ]),
    ];

    /// <summary>Reads a file.</summary>
    /// <exception cref="InputException">It cannot be read, or is not a table of measured times; the message names the line.</exception>
    public static IReadOnlyList<Measurement> Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.Length == 0)
        {
            throw new InputException("the name of a file of measurements is empty");
        }

        if (Directory.Exists(path))
        {
            throw new InputException(path, null, "is a directory");
        }

        try
        {
            using var stream = File.OpenRead(path);
            byte[] text = new byte[MaxBytes + 1];
            int length = stream.ReadAtLeast(text, text.Length, throwOnEndOfStream: false);
            return length <= MaxBytes
                ? Read(new MemoryStream(text, 0, length), path)
                : throw new InputException(path, null, $"more than {MaxBytes} bytes are too many for a file of measurements");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException(path, null, FileProblem.Describe(e));
        }
    }

    private static List<Measurement> Read(Stream stream, string path)
    {
        var configuration = new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            TrimOptions = TrimOptions.Trim,
            AllowComments = true,
            MaxFieldSize = 4096,
        };
        using var csv = new CsvReader(new StreamReader(stream), configuration);
        var measurements = new List<Measurement>();
        var kindsOfWork = new HashSet<MeasuredWork>();
        try
        {
            bool isWide = ReadHeader(csv, path);
            while (csv.Read())
            {
                if (csv.Parser.Count != csv.HeaderRecord!.Length)
                {
                    RefuseOpenQuote(csv, path);
                    throw Problem(csv, path, $"has {csv.Parser.Count} fields; the header has {csv.HeaderRecord.Length}");
                }

                if (measurements.Count >= MaxRows)
                {
                    throw Problem(csv, path, $"more than {MaxRows} times are too many");
                }

                if (isWide)
                {
                    Add(Work(csv, path, "size_bytes", SyncPolicy.PerPage), Time(csv, path, "before_us"));
                    Add(Work(csv, path, "size_bytes", SyncPolicy.RangeFlush), Time(csv, path, "after_us"));
                }
                else
                {
                    Add(Work(csv, path, "size", One<SyncPolicy>(csv, path, "policy")), Time(csv, path, "us"));
                }
            }
        }
        catch (CsvHelperException)
        {
            // Its messages go over many lines and hold the whole row.
            throw new InputException(path, csv.Parser.RawRow, NoCsv);
        }

        return measurements.Count != 0 ? measurements : throw new InputException(path, null, "holds no measurements");

        void Add(MeasuredWork work, double us)
        {
            if (kindsOfWork.Add(work) && kindsOfWork.Count > MaxKindsOfWork)
            {
                throw Problem(
                    csv, path, $"more than {MaxKindsOfWork} different combinations of operation, size, policy, IOMMU and tables are too many");
            }

            measurements.Add(new Measurement(work, us));
        }
    }

    /// <summary>A quote that nothing closes makes one field of all lines that follow.</summary>
    private static void RefuseOpenQuote(CsvReader csv, string path)
    {
        string record = csv.Parser.RawRecord;
        if (record.Count(letter => letter == '"') % 2 != 0)
        {
            throw new InputException(path, csv.Parser.RawRow - record.Count(letter => letter == '\n'), NoCsv);
        }
    }

    /// <summary>Reads the header, and says whether it is that of the proposal's table.</summary>
    private static bool ReadHeader(CsvReader csv, string path)
    {
        if (!csv.Read())
        {
            throw new InputException(path, null, "is empty");
        }

        csv.ReadHeader();
        string[] header = csv.HeaderRecord!;
        if (header.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw Problem(csv, path, $"the header has \"{twice.Key}\" twice");
        }

        bool isWide = header.Contains("before_us", StringComparer.Ordinal);
        string[] required = isWide ? WideForm : LongForm;
        if (required.FirstOrDefault(name => !header.Contains(name, StringComparer.Ordinal)) is { } missing)
        {
            throw Problem(csv, path, $"the header has no \"{missing}\"; it needs {string.Join(", ", required)}");
        }

        string[] all = [.. required, .. isWide ? WideFormOptions : LongFormOptions];
        return header.FirstOrDefault(name => !all.Contains(name, StringComparer.Ordinal)) is { } unknown
            ? throw Problem(csv, path, $"the header cannot have \"{unknown}\"; it may have {string.Join(", ", all)}")
            : isWide;
    }

    private static MeasuredWork Work(SeedRow row, SyncPolicy policy) =>
        new(Lab.Seed.SeedTable.Machine, row.Operation, row.SizeBytes, policy, BenchTables.Existing);

    private static MeasuredWork Work(CsvReader csv, string path, string sizeColumn, SyncPolicy policy)
    {
        string iommu = Optional(csv, "iommu") is { } name
            ? MachineCatalog.Find(name)?.Name
                ?? throw Problem(
                    csv, path, $"there is no IOMMU \"{name}\"; choose from {string.Join(", ", MachineCatalog.All.Select(kind => kind.Name))}")
            : Lab.Seed.SeedTable.Machine;
        var tables = Optional(csv, "tables") is null ? BenchTables.Existing : One<BenchTables>(csv, path, "tables");
        return new MeasuredWork(iommu, One<MappingOperation>(csv, path, "operation"), Size(csv, path, sizeColumn), policy, tables);
    }

    private static ulong Size(CsvReader csv, string path, string column)
    {
        try
        {
            ulong size = ByteSize.Parse(csv.GetField(column)!);
            return size % SmallPage.Bytes != 0
                ? throw new InputException($"size {ByteSize.Format(size)} is not a multiple of the page size {SmallPage.Bytes}")
                : size <= BenchRunner.MaxSize
                    ? size
                    : throw new InputException($"size {ByteSize.Format(size)} is more than {ByteSize.Format(BenchRunner.MaxSize)}");
        }
        catch (InputException e)
        {
            throw Problem(csv, path, e.Message);
        }
    }

    private static double Time(CsvReader csv, string path, string column)
    {
        string text = csv.GetField(column)!;
        return double.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double us)
            && us is >= MinMicroseconds and <= MaxMicroseconds
                ? us
                : throw Problem(
                    csv,
                    path,
                    FormattableString.Invariant(
                        $"{column} is \"{text}\"; a time is a number of microseconds from {MinMicroseconds:0.######} to {MaxMicroseconds}"));
    }

    private static T One<T>(CsvReader csv, string path, string column)
        where T : struct, Enum
    {
        string text = csv.GetField(column)!;
        foreach (var value in Enum.GetValues<T>())
        {
            if (string.Equals(value.ToString(), text, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        throw Problem(csv, path, $"{column} is \"{text}\"; choose from {string.Join(", ", Enum.GetNames<T>())}");
    }

    private static string? Optional(CsvReader csv, string column) =>
        csv.HeaderRecord!.Contains(column, StringComparer.Ordinal) && csv.GetField(column) is { Length: > 0 } text ? text : null;

    private static InputException Problem(CsvReader csv, string path, string problem) => new(path, csv.Parser.RawRow, problem);
}
