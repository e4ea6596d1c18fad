using IommuKit.Models.Memory;

namespace IommuKit.Models.Tests.Memory;

public class GuestMemoryTests
{
    /// <summary>Whatever pieces there are, bytes are where the piece at their address has them, and nothing is written beside it.</summary>
    [Fact]
    public void It_is_as_an_array_with_holes()
    {
        const int size = 256;
        var random = new Random(11);
        for (int round = 0; round < 200; round++)
        {
            var guest = new GuestMemory();
            var model = new byte?[size];
            var isReadOnly = new bool[size];
            for (int i = 0; i < 12; i++)
            {
                int start = random.Next(size);
                int length = random.Next(1, 40);
                bool readOnly = random.Next(4) == 0;
                bool isFree = start + length <= size && model.AsSpan(start, length).IndexOfAnyExcept((byte?)null) < 0;
                if (isFree)
                {
                    guest.Add((ulong)start, new byte[length], readOnly);
                    model.AsSpan(start, length).Fill(0);
                    isReadOnly.AsSpan(start, length).Fill(readOnly);
                }
                else if (start + length <= size)
                {
                    Should.Throw<ArgumentException>(() => guest.Add((ulong)start, new byte[length]));
                }
            }

            for (int step = 0; step < 100; step++)
            {
                int start = random.Next(size);
                byte[] data = new byte[random.Next(60)];
                random.NextBytes(data);
                bool isThere = start + data.Length <= size && !model.AsSpan(start, data.Length).Contains(null);
                bool canWrite = isThere && !isReadOnly.AsSpan(start, data.Length).Contains(true);
                guest.View.TryWrite((ulong)start, data).ShouldBe(canWrite);
                for (int i = 0; canWrite && i < data.Length; i++)
                {
                    model[start + i] = data[i];
                }

                byte[] read = new byte[data.Length];
                guest.View.TryRead((ulong)start, read).ShouldBe(isThere);
                if (isThere)
                {
                    read.ShouldBe(model.AsSpan(start, data.Length).ToArray().Select(value => value!.Value));
                }
            }
        }
    }

    [Fact]
    public void Memory_may_end_at_the_last_address_and_does_not_go_on_at_0()
    {
        var guest = new GuestMemory();
        guest.Add(ulong.MaxValue - 15, new byte[16]);
        guest.Add(0, new byte[16]);
        guest.View.TryWrite(ulong.MaxValue, [1]).ShouldBeTrue();
        guest.View.TryWrite(ulong.MaxValue, [1, 2]).ShouldBeFalse();
        guest.View.TryRead(ulong.MaxValue, new byte[2]).ShouldBeFalse();
        Should.Throw<ArgumentException>(() => guest.Add(ulong.MaxValue - 30, new byte[32]));
        Should.Throw<ArgumentException>(() => guest.Add(0x1000, Memory<byte>.Empty));
    }

    [Fact]
    public void What_was_taken_away_is_not_there()
    {
        byte[] bytes = new byte[16];
        var guest = new GuestMemory();
        guest.Add(0x1000, bytes);
        guest.Remove(0x1001).ShouldBeFalse();
        guest.View.TryWrite(0x1000, [7]).ShouldBeTrue();
        bytes[0].ShouldBe((byte)7);
        guest.Remove(0x1000).ShouldBeTrue();
        guest.View.TryWrite(0x1000, [8]).ShouldBeFalse();
        guest.Remove(0x1000).ShouldBeFalse();
        default(GuestMemoryView).TryRead(0, new byte[1]).ShouldBeFalse();
        default(GuestMemoryView).TryWrite(0, [1]).ShouldBeFalse();
    }

    [Fact]
    public void The_emulator_is_told_what_was_written()
    {
        var writes = new List<(ulong, int)>();
        var guest = new GuestMemory { Written = (address, length) => writes.Add((address, length)) };
        guest.Add(0, new byte[16]);
        guest.Add(16, new byte[16]);
        guest.View.TryWrite(12, new byte[8]).ShouldBeTrue();
        guest.View.TryWrite(30, new byte[4]).ShouldBeFalse();
        guest.View.TryRead(0, new byte[8]).ShouldBeTrue();
        writes.ShouldBe([(12, 8)]);
    }
}
