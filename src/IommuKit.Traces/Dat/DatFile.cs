using Microsoft.Win32.SafeHandles;

namespace IommuKit.Traces.Dat;

/// <summary>A trace.dat that can be read at any place.</summary>
internal sealed class DatFile
{
    private readonly SafeFileHandle _handle;
    private readonly long _length;
    private readonly Action<long>? _onRead;
    private readonly byte[] _number = new byte[4];
    private long _read;

    /// <summary>Takes a file, which stays the caller's.</summary>
    /// <param name="file">The file.</param>
    /// <param name="onRead">Told how many bytes were read so far, or null.</param>
    public DatFile(FileStream file, Action<long>? onRead)
    {
        _handle = file.SafeFileHandle;
        _length = file.Length;
        _onRead = onRead;
    }

    /// <summary>Its bytes.</summary>
    public long Length => _length;

    /// <summary>Reads bytes.</summary>
    /// <exception cref="InvalidDataException">There are not so many.</exception>
    public void Read(Span<byte> bytes, long offset)
    {
        if (offset > _length - bytes.Length)
        {
            throw new InvalidDataException($"it has {_length} bytes, and {bytes.Length} at {offset} lie beyond");
        }

        while (!bytes.IsEmpty)
        {
            int count = RandomAccess.Read(_handle, bytes, offset);
            if (count == 0)
            {
                throw new InvalidDataException("it became shorter while it was read");
            }

            bytes = bytes[count..];
            offset += count;
            _read += count;
        }

        _onRead?.Invoke(_read);
    }

    /// <summary>Reads a number of 32 bits.</summary>
    /// <exception cref="InvalidDataException">It is not there.</exception>
    public uint ReadU32(DatNumbers numbers, long offset)
    {
        Read(_number, offset);
        return numbers.U32(_number);
    }
}
