namespace IommuKit.Traces.Dat;

/// <summary>Reads the ring-buffer pages of one processor one after the other.</summary>
internal sealed class CpuPages
{
    private const int BlockBytes = 64 << 10;

    // What all processors' chunks may take together, or the 10 pages each that trace-cmd's have. Small files can hold large chunks.
    private const int AllChunks = 256 << 20;
    private const int ChunkPages = 10;

    private readonly DatFile _file;
    private readonly DatNumbers _numbers;
    private readonly DatCompression? _compression;
    private readonly int _pageBytes;
    private readonly int _maxChunk;
    private byte[] _block = [];
    private byte[] _compressed = [];
    private int _next;
    private int _end;
    private long _offset;

    // Bytes or chunks; below 0 until the count of chunks was read.
    private long _left;

    /// <summary>Starts before the first page.</summary>
    /// <param name="file">The file.</param>
    /// <param name="contents">What its header says.</param>
    /// <param name="data">Where the pages are.</param>
    /// <param name="compression">What decompresses them; it may be shared.</param>
    public CpuPages(DatFile file, DatContents contents, CpuData data, DatCompression compression)
    {
        _file = file;
        _numbers = contents.Numbers;
        _pageBytes = contents.Page!.Bytes;
        _maxChunk = Math.Max(AllChunks / contents.Cpus.Count, ChunkPages * _pageBytes);
        _offset = data.Offset;
        _left = data.Bytes;
        if (data.IsCompressed)
        {
            _compression = compression;
            _left = -1;
        }
    }

    /// <summary>Reads the next page.</summary>
    /// <param name="page">The page; valid until the next call.</param>
    /// <returns>False at the end.</returns>
    /// <exception cref="InvalidDataException">The file breaks off or is damaged here. The next call goes on after it, if it can.</exception>
    public bool TryRead(out ReadOnlySpan<byte> page)
    {
        if (_left < 0)
        {
            _left = 0;
            _left = _file.ReadU32(_numbers, _offset);
            _offset += 4;
        }

        while (_next == _end)
        {
            if (_left == 0)
            {
                page = default;
                return false;
            }

            _next = 0;
            _end = 0;
            _end = _compression is null ? ReadBlock() : ReadChunk();
        }

        page = _block.AsSpan(_next, _pageBytes);
        _next += _pageBytes;
        return true;
    }

    private int ReadBlock()
    {
        int pages = (int)Math.Min(Math.Max(1, BlockBytes / _pageBytes), _left / _pageBytes);
        if (pages == 0)
        {
            long rest = _left;
            _left = 0;
            throw new InvalidDataException($"{rest} bytes follow its last whole page");
        }

        // Of a file that is cut off, the pages that are whole.
        pages = (int)Math.Clamp((_file.Length - _offset) / _pageBytes, 1, pages);
        int bytes = pages * _pageBytes;
        Reserve(ref _block, bytes);
        long left = _left - bytes;

        // Where it cannot be read, nothing that follows can.
        _left = 0;
        _file.Read(_block.AsSpan(0, bytes), _offset);
        _left = left;
        _offset += bytes;
        return bytes;
    }

    private int ReadChunk()
    {
        long left = _left - 1;
        _left = 0;
        uint compressed = _file.ReadU32(_numbers, _offset);
        uint bytes = _file.ReadU32(_numbers, _offset + 4);
        if (bytes == 0 || bytes % _pageBytes != 0 || bytes > _maxChunk || compressed > MaxCompressed(bytes)
            || bytes > Math.Max(DatCompression.MostOf(compressed), ChunkPages * (long)_pageBytes))
        {
            throw new InvalidDataException($"it has a chunk of {bytes} bytes, {compressed} compressed, where pages have {_pageBytes}");
        }

        Reserve(ref _compressed, (int)compressed);
        _file.Read(_compressed.AsSpan(0, (int)compressed), _offset + 8);
        Reserve(ref _block, (int)bytes);
        _offset += 8 + compressed;
        _left = left;
        _compression!.Decompress(new ArraySegment<byte>(_compressed, 0, (int)compressed), _block.AsSpan(0, (int)bytes));
        return (int)bytes;
    }

    /// <summary>More than zlib or zstd make of what cannot be compressed.</summary>
    private static long MaxCompressed(uint bytes) => bytes + (bytes / 64) + 1024;

    private static void Reserve(ref byte[] buffer, int bytes)
    {
        if (buffer.Length < bytes)
        {
            buffer = new byte[bytes];
        }
    }
}
