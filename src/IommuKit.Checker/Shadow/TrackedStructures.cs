using System.Buffers.Binary;
using IommuKit.Models.Memory;

namespace IommuKit.Checker.Shadow;

/// <summary>
/// What is known of structures in memory that steer translation: finds the words that changed, in memory as the hardware reads it. A store that no
/// clean brought there has not happened to the hardware.
/// </summary>
/// <param name="decoder">Says where they are.</param>
/// <param name="memory">The memory that they are in.</param>
internal sealed class TrackedStructures(ICommandDecoder decoder, PhysicalMemory memory)
{
    private readonly Dictionary<ulong, ulong> _seen = [];
    private byte[] _words = [];

    /// <summary>Tells of each word that changed since the last call: its address, what it was, and what it is. What nobody has looked at was 0.</summary>
    public void Look(Action<ulong, ulong, ulong> changed)
    {
        foreach (var range in decoder.Structures)
        {
            int bytes = checked((int)range.Bytes);
            if (_words.Length < bytes)
            {
                _words = new byte[bytes];
            }

            var words = _words.AsSpan(0, bytes);
            if (!memory.DeviceView.TryRead(range.Address, words))
            {
                continue;
            }

            for (int offset = 0; offset + sizeof(ulong) <= bytes; offset += sizeof(ulong))
            {
                ulong address = range.Address + (ulong)offset;
                ulong now = BinaryPrimitives.ReadUInt64LittleEndian(words[offset..]);
                ulong before = _seen.GetValueOrDefault(address);
                if (now != before)
                {
                    _seen[address] = now;
                    changed(address, before, now);
                }
            }
        }
    }
}
