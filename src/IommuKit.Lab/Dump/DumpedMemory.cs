using System.Globalization;
using IommuKit.Specs.Memory;
using IommuKit.Traces;

namespace IommuKit.Lab.Dump;

/// <summary>
/// Physical memory that was written to files: raw ranges, each at an address, and ELF cores. Where no file has it, nothing answers; where several do, the
/// first that was named.
/// </summary>
internal sealed class DumpedMemory : IMemoryAccessor, IDisposable
{
    private const int PageLog2 = 12;

    // Tables are read an entry at a time. Those of a page or more begin with one, but a page may be in a file only in part.
    private readonly byte[] _page = new byte[1 << PageLog2];
    private readonly List<FileStream> _files = [];
    private readonly List<MemoryPiece> _pieces = [];
    private ulong _cached;
    private ulong _cachedLength;

    /// <summary>Opens files.</summary>
    /// <param name="sources">Each a file, "FILE@ADDRESS" for one that does not begin at address 0, or an ELF core.</param>
    /// <exception cref="InputException">One of them cannot be used.</exception>
    public DumpedMemory(IReadOnlyList<string> sources)
    {
        try
        {
            foreach (string source in sources)
            {
                Add(source);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The files.</summary>
    public IReadOnlyList<string> Files => [.. _files.Select(file => file.Name)];

    /// <summary>Bytes of memory in all files.</summary>
    public ulong Length => _pieces.Aggregate(0ul, (sum, piece) => sum + piece.Length);

    /// <inheritdoc/>
    /// <remarks>For entries, which lie within a page and a piece.</remarks>
    public bool TryRead(ulong physicalAddress, Span<byte> destination)
    {
        if (!IsWithin(_cached, _cachedLength, physicalAddress, destination.Length) && !TryFill(physicalAddress, destination.Length))
        {
            return false;
        }

        _page.AsSpan((int)(physicalAddress - _cached), destination.Length).CopyTo(destination);
        return true;
    }

    /// <inheritdoc/>
    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => false;

    /// <inheritdoc/>
    public void Dispose() => _files.ForEach(file => file.Dispose());

    private static bool IsWithin(ulong start, ulong length, ulong address, int bytes) =>
        address - start < length && length - (address - start) >= (ulong)bytes;

    /// <summary>Reads what the first piece that has some bytes has of the page around them.</summary>
    private bool TryFill(ulong address, int bytes)
    {
        _cachedLength = 0;
        foreach (var piece in _pieces)
        {
            if (IsWithin(piece.Address, piece.Length, address, bytes))
            {
                ulong inPage = address & ((ulong)_page.Length - 1);
                ulong inPiece = address - piece.Address;
                ulong before = Math.Min(inPage, inPiece);
                ulong length = Math.Min((ulong)_page.Length - (inPage - before), piece.Length - (inPiece - before));
                long offset = (long)(piece.Offset + (inPiece - before));
                if (RandomAccess.Read(_files[piece.File].SafeFileHandle, _page.AsSpan(0, (int)length), offset) != (int)length)
                {
                    return false;
                }

                _cached = address - before;
                _cachedLength = length;
                return IsWithin(_cached, _cachedLength, address, bytes);
            }
        }

        return false;
    }

    private void Add(string source)
    {
        var (path, address) = Split(source);
        try
        {
            var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            int number = _files.Count;
            _files.Add(file);
            var start = new byte[16];
            int read = RandomAccess.Read(file.SafeFileHandle, start, 0);
            if (start.AsSpan().StartsWith("KDUMP   "u8) || start.AsSpan().StartsWith("DISKDUMP"u8) || start.AsSpan().StartsWith("makedumpfile"u8))
            {
                throw new InputException(
                    path, null, "it is a compressed dump of makedumpfile; convert it to ELF with 'makedumpfile -E' or 'crash', or give the raw memory");
            }

            if (address is null && ElfCore.Matches(start.AsSpan(0, read)))
            {
                _pieces.AddRange(ElfCore.Read(file, number).Select(piece => Clip(piece, (ulong)file.Length)).Where(piece => piece.Length != 0));
                return;
            }

            if (file.Length == 0)
            {
                throw new InputException(path, null, "it is empty");
            }

            _pieces.Add(new MemoryPiece(address ?? 0, (ulong)file.Length, 0, number));
        }
        catch (Exception e) when (e is InvalidDataException or OverflowException)
        {
            throw new InputException(path, null, e is OverflowException ? "it is an ELF file whose headers make no sense" : e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new InputException(path, null, FileProblem.Describe(e));
        }
    }

    /// <summary>What a file has of a piece that its headers promise: a core may be cut off. Nothing of one that wraps around.</summary>
    private static MemoryPiece Clip(MemoryPiece piece, ulong fileLength)
    {
        ulong there = piece.Offset < fileLength ? Math.Min(piece.Length, fileLength - piece.Offset) : 0;
        return piece with { Length = piece.Address <= ulong.MaxValue - piece.Length ? there : 0 };
    }

    /// <summary>FILE or FILE@ADDRESS; a file may have an @ in its name.</summary>
    internal static (string Path, ulong? Address) Split(string source)
    {
        int at = source.LastIndexOf('@');
        if (at <= 0 || File.Exists(source))
        {
            return (source, null);
        }

        string text = source[(at + 1)..];
        string digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text[2..] : text;
        if (!ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address)
            || (address & ((1ul << PageLog2) - 1)) != 0)
        {
            throw new InputException($"--memory: \"{source}\": behind the @ is no hexadecimal address of a page");
        }

        return (source[..at], address);
    }
}
