using System.IO.Compression;
using ZstdSharp;

namespace IommuKit.Traces.Dat;

/// <summary>Decompresses pieces of a trace.dat of version 7.</summary>
internal sealed class DatCompression : IDisposable
{
    // What zlib can make of a byte, a little more; zstd could make more of what is all alike, which text and events are not.
    private const long MaxRatio = 1100;
    private const int Frame = 64;

    private readonly Decompressor? _zstd;
    private readonly string _name;

    /// <summary>Chooses by name.</summary>
    /// <param name="name">The name in the file's header.</param>
    /// <exception cref="NotSupportedException">It is none that is known.</exception>
    public DatCompression(string name)
    {
        _name = name is "none" or "zlib" or "zstd"
            ? name
            : throw new NotSupportedException(
                $"it is compressed with \"{name}\", which is not read; 'trace-cmd convert --file-version 6 --compression none' makes a file that is");
        _zstd = name == "zstd" ? new Decompressor() : null;
    }

    /// <summary>The most bytes that a piece can hold, before there is memory for it.</summary>
    /// <param name="compressed">The bytes that it has.</param>
    public static long MostOf(uint compressed) => (compressed + (long)Frame) * MaxRatio;

    /// <summary>Decompresses a piece.</summary>
    /// <param name="compressed">The piece.</param>
    /// <param name="result">Takes what comes out, which has to be as long.</param>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public void Decompress(ArraySegment<byte> compressed, Span<byte> result)
    {
        int count = _name switch
        {
            "zstd" => Unzstd(compressed, result),
            "zlib" => Inflate(compressed, result),
            _ => throw new InvalidDataException("a piece is compressed in a file that has no compression"),
        };
        if (count != result.Length)
        {
            throw new InvalidDataException($"a compressed piece holds {count} bytes instead of {result.Length}");
        }
    }

    public void Dispose() => _zstd?.Dispose();

    private int Unzstd(ArraySegment<byte> compressed, Span<byte> result)
    {
        try
        {
            return _zstd!.Unwrap(compressed, result);
        }
        catch (ZstdException e)
        {
            throw new InvalidDataException($"a compressed piece is damaged ({e.Message})", e);
        }
    }

    private static int Inflate(ArraySegment<byte> compressed, Span<byte> result)
    {
        using var inflated = new ZLibStream(new MemoryStream(compressed.Array!, compressed.Offset, compressed.Count), CompressionMode.Decompress);
        return inflated.ReadAtLeast(result, result.Length, throwOnEndOfStream: false);
    }
}
