using System.Globalization;
using IommuKit.Traces;

namespace IommuKit.Lab.Conform;

/// <summary>
/// Reads recorded boots: the snapshots of a machine whose IOMMU a real driver used, and the accesses of devices that were made on each.
/// </summary>
/// <remarks>
/// A boot is a folder with files, plain or gzip (<c>.gz</c>), of which the last three may be missing:
/// <code>
/// pages.txt          T name                      a snapshot begins
///                    M address bytes             memory, cumulative over the snapshots
///                    I|W|S offset size value     a register: of capabilities, to be written, read-only
/// translations.txt   T name
///                    X sid=.. iova=.. read|write -> ok pa=.. perm=.. [shift=n]
///                                                -> fault KIND [event=|record=]..
///                                                -> irq
///                    with WALKER=, MODEL= or architecture= behind it where another walker, or the architecture, says otherwise
/// oracle.txt         MARK n text                 a step begins
///                    M iova size pa [=]          a map; with = the commands of the one before are for it too
///                    U iova size [=]             an unmap; the same
///                      COMMAND ..                what the driver issued for it; after G, what belongs to no map or unmap
/// commands.txt       bytes COMMAND ..           all that the driver issued, in order, where maps have commands too
/// meta.txt           == uname                    in the next line, the kernel's release is the third word
///                    group n type=TYPE ..        DMA-FQ is a group whose unmaps are invalidated from a queue
/// </code>
/// Numbers are hexadecimal, but for shift, sizes of registers, and sizes of maps and unmaps; bytes are in the order of memory. Lines that begin with #
/// are ignored.
/// </remarks>
internal sealed partial class RecordedBoot
{
    private const string Pages = "pages.txt";
    private const string Translations = "translations.txt";

    // A line of a file holds a page at the most, and two digits for each byte.
    private const int LongestLine = 1 << 16;

    private readonly string _folder;

    /// <summary>Opens a boot.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="InputException">It holds no boot.</exception>
    public RecordedBoot(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        _folder = folder;
        if (!IsAt(folder))
        {
            throw new InputException($"{folder} holds no recorded boot: there is no {Pages} with {Translations} (or .gz of them) in it.");
        }
    }

    /// <summary>Whether a folder holds a boot, by the names of its files.</summary>
    public static bool IsAt(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return FileIn(folder, Pages) is not null && FileIn(folder, Translations) is not null;
    }

    /// <summary>The name of the boot: that of its folder.</summary>
    public string Name => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(_folder)));

    /// <summary>The files that it has.</summary>
    public IEnumerable<string> Files =>
        from name in (string[])[Pages, Translations, EventFile, CommandFile, Meta]
        let path = FileIn(_folder, name)
        where path is not null
        select path;

    /// <summary>The snapshots, one after the other. Memory is the same object in all, so that each has to be used before the next is asked
    /// for.</summary>
    /// <exception cref="InputException">A line is not understood.</exception>
    public IEnumerable<BootSnapshot> Snapshots()
    {
        var probes = ReadProbes();
        var known = new HashSet<string>(StringComparer.Ordinal);
        var memory = new BootMemory();
        var registers = new List<BootRegister>();
        string? name = null;
        foreach (var line in Lines(Pages))
        {
            string[] words = line.Text.Split(' ');
            switch (words[0])
            {
                case "T" when words.Length >= 2:
                    if (name is not null)
                    {
                        yield return new BootSnapshot(name, memory, registers, probes.GetValueOrDefault(name) ?? []);
                    }

                    name = words[1];
                    _ = known.Add(name);
                    registers = [];
                    break;
                case "M" when words.Length == 3:
                    Load(memory, line, words);
                    break;
                case "I" or "W" or "S" when words.Length >= 4:
                    registers.Add(ReadRegister(line, words));
                    break;
                default:
                    throw line.Refuse();
            }
        }

        if (name is not null)
        {
            yield return new BootSnapshot(name, memory, registers, probes.GetValueOrDefault(name) ?? []);
        }

        if (probes.Keys.FirstOrDefault(section => !known.Contains(section)) is { } lost)
        {
            throw new InputException($"{Path.Combine(_folder, Translations)} has accesses to the snapshot \"{lost}\", and {Pages} no such snapshot");
        }
    }

    private static void Load(BootMemory memory, Line line, string[] words)
    {
        ulong address = line.Hex(words[1]);
        byte[] bytes = line.Bytes(words[2]);
        if (bytes.Length != 0 && address > ulong.MaxValue - (ulong)(bytes.Length - 1))
        {
            throw line.Refuse("its memory goes on behind the last address");
        }

        _ = memory.TryWrite(address, bytes);
    }

    private static BootRegister ReadRegister(Line line, string[] words)
    {
        var kind = words[0] switch
        {
            "I" => BootRegisterKind.Capability,
            "W" => BootRegisterKind.Written,
            _ => BootRegisterKind.Status,
        };
        ulong offset = line.Hex(words[1]);
        if (offset > int.MaxValue || words[2] is not ("4" or "8"))
        {
            throw line.Refuse();
        }

        int size = words[2][0] - '0';
        ulong value = line.Hex(words[3]);
        return offset % (uint)size != 0 ? throw line.Refuse($"no register of {size} bytes is there")
            : size == sizeof(uint) && value > uint.MaxValue ? throw line.Refuse($"its value has more than {size} bytes")
            : new BootRegister(kind, (uint)offset, size, value, words.Length > 4 ? words[4] : string.Empty);
    }

    private Dictionary<string, List<BootProbe>> ReadProbes()
    {
        var sections = new Dictionary<string, List<BootProbe>>(StringComparer.Ordinal);
        List<BootProbe>? section = null;
        foreach (var line in Lines(Translations))
        {
            string[] words = line.Text.Split(' ');
            if (words is ["T", var name, ..])
            {
                sections[name] = section = [];
            }
            else if (words[0] == "X" && section is not null)
            {
                section.Add(ReadProbe(line, words));
            }
            else
            {
                throw line.Refuse();
            }
        }

        return sections;
    }

    private static BootProbe ReadProbe(Line line, string[] words)
    {
        if (words.Length < 6 || words[4] != "->" || words[3] is not ("read" or "write"))
        {
            throw line.Refuse();
        }

        ulong source = line.Hex(After(words[1], "sid="));
        if (source > uint.MaxValue)
        {
            throw line.Refuse();
        }

        bool isDisputed = Value(words, "WALKER=") is not null || Value(words, "MODEL=") is not null || Value(words, "architecture=") is not null;
        return new BootProbe(
            (uint)source, line.Hex(After(words[2], "iova=")), words[3] == "write", ReadAnswer(line, words), isDisputed, line.Number, line.Text);
    }

    private static ProbeAnswer ReadAnswer(Line line, string[] words)
    {
        switch (words[5])
        {
            case "irq":
                return new ProbeAnswer(ProbeOutcome.Interrupt);
            case "ok":
                string? shift = Value(words, "shift=");
                int? sizeLog2 = null;
                if (shift is not null)
                {
                    if (!int.TryParse(shift, NumberStyles.None, CultureInfo.InvariantCulture, out int parsed))
                    {
                        throw line.Refuse();
                    }

                    sizeLog2 = parsed;
                }

                return new ProbeAnswer(
                    ProbeOutcome.Passed, line.Hex(Value(words, "pa=") ?? throw line.Refuse()), Value(words, "perm="), sizeLog2);
            case "fault" when words.Length >= 7:
                return new ProbeAnswer(
                    ProbeOutcome.Fault, FaultKind: words[6], FaultRecord: Value(words, "record=") ?? Value(words, "event="));
            default:
                throw line.Refuse();
        }
    }

    private static string? Value(string[] words, string name) =>
        Array.Find(words, word => word.StartsWith(name, StringComparison.Ordinal))?[name.Length..];

    private static string After(string word, string name) => word.StartsWith(name, StringComparison.Ordinal) ? word[name.Length..] : string.Empty;

    private static string? FileIn(string folder, string name)
    {
        string plain = Path.Combine(folder, name);
        return File.Exists(plain) ? plain : File.Exists(plain + ".gz") ? plain + ".gz" : null;
    }

    /// <summary>Reads registers alone: lines of a snapshot that begin with I, W or S.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InputException">It cannot be read, or a line is not understood.</exception>
    public static IReadOnlyList<BootRegister> ReadRegisters(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return
        [
            .. LinesOf(path).Select(line => line.Text.Split(' ') is ["I" or "W" or "S", _, _, _, ..] words
                ? ReadRegister(line, words)
                : throw line.Refuse()),
        ];
    }

    private IEnumerable<Line> Lines(string name) =>
        LinesOf(FileIn(_folder, name) ?? throw new InputException($"{Path.Combine(_folder, name)}: there is no such file, nor one with .gz behind its name"));

    private static IEnumerable<Line> LinesOf(string path) =>
        from line in TextLines.Read(path, LongestLine)
        where line.Text.Length != 0 && line.Text[0] != '#'
        select new Line(path, line.Number, line.Text);

    /// <summary>A line of a file, and where it stands.</summary>
    private sealed record Line(string Path, int Number, string Text)
    {
        public ulong Hex(string digits) =>
            ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value) ? value : throw Refuse();

        public byte[] Bytes(string digits)
        {
            try
            {
                return Convert.FromHexString(digits);
            }
            catch (FormatException)
            {
                throw Refuse();
            }
        }

        public InputException Refuse() => Refuse("this is no line of a recorded boot");

        public InputException Refuse(string why) => new($"{Path}:{Number}: {why}: {Text[..Math.Min(Text.Length, 80)]}");
    }
}
