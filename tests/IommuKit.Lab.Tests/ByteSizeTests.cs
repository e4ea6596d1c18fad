using IommuKit.Traces;

namespace IommuKit.Lab.Tests;

public class ByteSizeTests
{
    [Theory]
    [InlineData("4096", 4096ul)]
    [InlineData("128K", 128ul << 10)]
    [InlineData("4M", 4ul << 20)]
    [InlineData("18m", 18ul << 20)]
    [InlineData("1GiB", 1ul << 30)]
    [InlineData("2 TB", 2ul << 40)]
    [InlineData("64KB", 64ul << 10)]
    [InlineData("0x1000", 4096ul)]
    [InlineData("0xB", 11ul)]
    [InlineData("1.5M", 1536ul << 10)]
    [InlineData("0.5K", 512ul)]
    [InlineData("4.0", 4ul)]
    [InlineData("0.0009765625M", 1024ul)]
    [InlineData("16777215.5T", ulong.MaxValue - (1ul << 39) + 1)]
    [InlineData("18446744073709551615", ulong.MaxValue)]
    public void Sizes_are_read_as_people_write_them(string text, ulong bytes) => ByteSize.Parse(text).ShouldBe(bytes);

    [Theory]
    [InlineData("0", "is 0")]
    [InlineData("0x0", "is 0")]
    [InlineData("-4K", "negative")]
    [InlineData("", "not a number")]
    [InlineData("K", "not a number")]
    [InlineData("4X", "not a number")]
    [InlineData("1.5", "whole number of bytes")]
    [InlineData("0.3M", "whole number of bytes")]
    [InlineData("0.00000000000000000000000001T", "whole number of bytes")]
    [InlineData("0.0M", "is 0")]
    [InlineData(".5M", "not a number")]
    [InlineData("4.M", "not a number")]
    [InlineData("1.2.3M", "not a number")]
    [InlineData("1.-5M", "not a number")]
    [InlineData("1e6", "not a number")]
    [InlineData("0x", "not a number")]
    [InlineData("0xg", "not a number")]
    [InlineData("18446744073709551616", "64 bits")]
    [InlineData("16777217T", "64 bits")]
    public void Anything_else_is_refused_with_its_reason(string text, string reason)
    {
        string message = Should.Throw<InputException>(() => ByteSize.Parse(text)).Message;
        message.ShouldContain(reason);
        message.ShouldContain($"\"{text}\"");
    }

    [Theory]
    [InlineData(4096ul, "4K")]
    [InlineData(18ul << 20, "18M")]
    [InlineData(1536ul << 10, "1.5M")]
    [InlineData(512ul << 10, "512K")]
    [InlineData(4184ul << 10, "4184K")]
    [InlineData(1536ul, "1.5K")]
    [InlineData(5000ul, "5000")]
    [InlineData(1ul << 40, "1T")]
    [InlineData(0ul, "0")]
    public void Sizes_are_written_with_the_largest_unit(ulong bytes, string text) => ByteSize.Format(bytes).ShouldBe(text);
}
